"""Has pyodide-build do with a wheel what it does after it has built it.

The arguments are a recipe, the wheel, and the prefix of libraries.
"""

import sys
from pathlib import Path

from pyodide_build.common import modify_wheel
from pyodide_build.recipe.bash_runner import BashRunnerWithSharedEnvironment
from pyodide_build.recipe.builder import copy_sharedlibs
from pyodide_build.recipe.spec import MetaConfig

recipe, wheel, prefix = map(Path, sys.argv[1:])
post = MetaConfig.from_yaml(recipe).build.post
assert "wasm-pyfix" in post, post
with modify_wheel(wheel) as unpacked, BashRunnerWithSharedEnvironment() as runner:
    runner.run(post, script_name="post script", cwd=unpacked)
    copied = copy_sharedlibs(wheel, unpacked, prefix, modify_rpath=True)
    assert len(copied) == 2, copied
