"""Has cibuildwheel read its configuration in the current directory, and do with wheels what it does after it has built them.

The arguments are a directory for results, and the wheels.
"""

import os
import sys
from pathlib import Path

from cibuildwheel.audit import needs_audit
from cibuildwheel.options import CommandLineArguments, Options
from cibuildwheel.util.cmd import shell
from cibuildwheel.util.helpers import prepare_command

arguments = CommandLineArguments.defaults()
arguments.package_dir = Path.cwd()
options = Options(platform="pyodide", command_line_arguments=arguments, env=dict(os.environ)).build_options(None)
for number, wheel in enumerate(map(Path, sys.argv[2:])):
    results = Path(sys.argv[1]) / str(number)
    results.mkdir(parents=True)
    command = prepare_command(options.repair_command, wheel=wheel, dest_dir=results, package=".", project=".")
    shell(command, env=os.environ)
    [result] = results.glob("*.whl")
    assert needs_audit(options.audit_command, result.name)
    for audit in options.audit_command:
        shell(prepare_command(audit, wheel=result, project=".", package="."), env=os.environ)
