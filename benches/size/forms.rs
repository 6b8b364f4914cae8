//! The forms of a wheel that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use support::Runtime;

use crate::inputs::Input;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormName {
    /// As it was built.
    Original,
    /// What `-O0` makes of it.
    Upgraded,
    /// What the tool makes of it by default.
    Optimised,
    /// A native build of the same version by others.
    Native,
}

impl FormName {
    pub fn label(self) -> &'static str {
        match self {
            FormName::Original => "original",
            FormName::Upgraded => "upgraded",
            FormName::Optimised => "optimised",
            FormName::Native => "native",
        }
    }
}

/// A wheel in one form.
pub struct Wheel {
    pub form: FormName,
    pub path: PathBuf,
    /// Where it is loaded.
    pub runtime: Runtime,
}

/// All forms of `input`; those that the tool makes go to `directory`.
pub fn forms(input: &Input, directory: &Path) -> Result<Vec<Wheel>> {
    let mut wheels = vec![Wheel { form: FormName::Original, path: input.path.clone(), runtime: input.origin.runtime() }];
    for (form, level) in [(FormName::Upgraded, "-O0"), (FormName::Optimised, "-O1")] {
        let output = directory.join(form.label());
        wheels.push(Wheel { form, path: upgrade(&input.path, level, &output)?, runtime: Runtime::V0_29_5 });
    }
    if let Some(native) = &input.native {
        wheels.push(Wheel { form: FormName::Native, path: native.clone(), runtime: Runtime::V0_29_5 });
    }
    Ok(wheels)
}

/// Runs the tool over `input`. Wheels for another Python are measured, too: their modules are loaded, if not imported.
fn upgrade(input: &Path, level: &str, directory: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pyfix"));
    command.arg(input).arg("-o").arg(directory.join("")).args([level, "--allow-python-mismatch", "--allow-missing"]);
    let output = command.output().context("cannot start wasm-pyfix")?;
    ensure!(output.status.success(), "{}: {}", input.display(), String::from_utf8_lossy(&output.stderr).trim());
    let written = std::fs::read_dir(directory)?.next().with_context(|| format!("{} gave no file", input.display()))?;
    Ok(written?.path())
}
