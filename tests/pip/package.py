"""What the package does in an environment with nothing else. The argument is a directory with two wheels."""

import hashlib
import subprocess
import sys
from pathlib import Path

import wasm_pyfix

here = Path(sys.argv[1])
wheel = here / "demo-1.0-cp312-abi3-pyodide_2024_0_wasm32.whl"
other = here / "demo-1.0-cp312-cp312-pyodide_2024_0_wasm32.whl"


def failure(*arguments, **options):
    """What is raised for a call of `upgrade`."""
    try:
        wasm_pyfix.upgrade(*arguments, **options)
    except wasm_pyfix.WasmPyfixError as error:
        return error
    raise AssertionError(arguments)


# The program lies beside Python.
assert Path(wasm_pyfix.find_program()).parent == Path(sys.executable).parent
version = subprocess.run([wasm_pyfix.find_program(), "--version"], stdout=subprocess.PIPE, check=True).stdout
assert subprocess.run([sys.executable, "-m", "wasm_pyfix", "--version"], stdout=subprocess.PIPE, check=True).stdout == version

report = wasm_pyfix.upgrade(wheel, here / "out")
[done] = report.inputs
assert (report.exit_code, report.totals.upgraded, report.totals.modules_changed) == (0, 1, 1), report
result = Path(done.output)
assert result.parent == here / "out" and hashlib.sha256(result.read_bytes()).hexdigest() == done.sha256
assert version.decode().split()[-1] == report.tool.version
[exceptions] = [one for one in done.modules[0].passes if one.name == "exceptions"]
assert exceptions.changed["call_sites"] > 0, exceptions

# One target, several, and that which a wheel is for; several inputs, and more options.
assert wasm_pyfix.upgrade([wheel], str(here / "auto"), target="auto", options=["-O0"]).inputs[0].targets == ("pyodide_2024_0",)
both = wasm_pyfix.upgrade(str(wheel), here / "both", target=("0.29", "314"))
assert len(both.inputs) == 2 and both.targets == ("pyodide_2025_0", "pyemscripten_2026_0"), both

refused = failure([wheel, other], here / "refused")
assert (refused.code, refused.report.exit_code, refused.report.totals.upgraded) == ("python-tag", 3, 1), refused.report
assert failure(wheel, here / "none", target="nothing").code == "usage"
missing = failure(here / "missing.whl", here / "none")
assert missing.report.inputs[0].status == "error", missing

found = wasm_pyfix.check(wheel, target="0.29")
codes = {finding.code for finding in found.inputs[0].findings}
assert not found.ok and found.target == "pyodide_2025_0" and {"javascript-exceptions", "platform-tag"} <= codes, found
assert wasm_pyfix.check([result]).ok

[shown] = wasm_pyfix.show(result)["inputs"]
assert shown["modules"][0]["abi"]["exceptions"] == "native" and shown["upgrade"] is None, shown
assert wasm_pyfix.show(result, options=())["inputs"][0]["upgrade"]["report"]["status"] == "unchanged"

differs = wasm_pyfix.diff(wheel, result)["diff"]
assert not differs["same"] and "function (i32) -> (i32)" not in differs["modules"][0]["imports"]["came"], differs
assert wasm_pyfix.diff(wheel, wheel)["diff"]["same"]
