# Exercises PyMuPDF: draws a document, reads it back, renders a page, repairs a truncated file (through MuPDF's own
# exceptions, which are setjmp and longjmp) and lays out HTML. The answer is one line of everything seen.
import hashlib

import pymupdf

PAGES = 20


def draw():
    document = pymupdf.open()
    for number in range(PAGES):
        page = document.new_page()
        page.insert_text((72, 72), f"Hello page {number}", fontsize=20)
        page.draw_circle((200, 200), 50 + number)
    return document.tobytes(deflate=True)


def repair(data):
    document = pymupdf.open(stream=data)
    return document.page_count, document.is_repaired


written = draw()
document = pymupdf.open(stream=written)
first, last = (document[number].get_text().strip() for number in (0, PAGES - 1))
image = document[3].get_pixmap(dpi=72)
digest = hashlib.sha1(image.samples).hexdigest()[:10]
repaired = repair(written[: len(written) // 2])
story = "story" if pymupdf.Story("<h1>Title</h1><p>body <b>bold</b></p>") else "no story"
# The trailer's /ID is random, and so is the length of its spelling.
fixed = len(written.split(b"/ID")[0])
f"{fixed} {first!r} {last!r} {image.width}x{image.height} {digest} {repaired} {story}"
