"""Upgrades the WebAssembly side modules of Pyodide wheels after linking.

The functions run the program `wasm-pyfix`, which is installed with this package, and give what it reports::

    import wasm_pyfix

    report = wasm_pyfix.upgrade("pymupdf-1.26.0-cp312-abi3-pyodide_2024_0_wasm32.whl", "dist")
    print(report.inputs[0].output)

`wasm_pyfix.auditwheel` has the functions of auditwheel-emscripten.
"""

from ._calls import WasmPyfixError, check, diff, show, upgrade
from ._program import find as find_program
from ._reports import CheckReport, Checked, Failure, Finding, Input, Left, Module, Notice, Pass, Report, Tool, Totals

__all__ = [
    "CheckReport",
    "Checked",
    "Failure",
    "Finding",
    "Input",
    "Left",
    "Module",
    "Notice",
    "Pass",
    "Report",
    "Tool",
    "Totals",
    "WasmPyfixError",
    "check",
    "diff",
    "find_program",
    "show",
    "upgrade",
]
