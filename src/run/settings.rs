//! What is done to modules and wheels, from the arguments and for one target.

use super::Run;
use crate::codes::upgrading::RUNTIME_FILES;
use crate::exports;
use crate::input::{self, Kind, Source};
use crate::pipeline::{ModuleOptions, ShrinkOptions};
use crate::shrink;
use crate::target::{self, Target};
use crate::wheel::audit::Asked;
use crate::wheel::{AlsoFor, WheelOptions};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::env::VarError;
use std::sync::Arc;
use wasm_pyfix_passes::dyncall::Signatures;
use wasm_pyfix_passes::order;
use wasm_pyfix_passes::strip::Strip;
use wasm_pyfix_passes::{Environment, ExceptionAbi, exceptions, legalize};
use wasmparser::FuncType;

impl Run<'_> {
    /// Has what follows be done for `target`.
    pub(super) fn aim_at(&mut self, target: &'static Target) -> Result<()> {
        self.target = target;
        let args = &self.args.module;
        let bigint = target.bigint || args.bigint;
        let main = self.main()?;
        let has_main = main.is_some();
        let environment = match main {
            Some(main) => Some(Arc::new(main)),
            None if target.has_manifest() => Some(Arc::new(target.manifest()?)),
            None => None,
        };
        self.options = ModuleOptions {
            keep_exceptions: target.exception_abi == ExceptionAbi::JavaScript,
            personality: self.personality(environment.as_deref())?,
            runtime: Some(target.name),
            handlers: args.instructions().or(target.handlers),
            no_extended_const: args.no_extended_const,
            bigint,
            dyncalls: args.dyncalls.clone().or((!bigint).then_some(Signatures::I64)),
            allow_struct_change: args.allow_struct_change || !target.has_wheels(),
            adapters: !args.no_adapters,
            python: target.python,
            environment,
            runtime_path: self.args.module.rpath.clone(),
            add_needed: self.args.module.add_needed.clone(),
            remove_needed: self.args.module.remove_needed.clone(),
            aliases: Arc::new(self.args.module.alias.iter().cloned().chain(self.target.aliases()).collect()),
            // Of half a runtime nobody knows what it lacks.
            application: !target.has_wheels(),
            allow_missing: args.allow_missing || (has_main && !target.is_known_whole(&self.args.target.main)),
            ..ModuleOptions::default()
        };
        if bigint && self.items.len() > 1 {
            let types = self.types.get_or_init(|| Arc::new(self.types_of_modules()));
            self.options.sibling_types = Arc::clone(types);
        }
        self.shrink = self.shrink_options()?;
        Ok(())
    }

    /// The types with 64-bit integers of functions that the modules among the inputs export. What is wrong with an input is
    /// reported when its turn comes.
    pub(super) fn types_of_modules(&self) -> HashMap<String, FuncType> {
        let mut types = HashMap::new();
        for source in self.items.iter().map(|item| &item.source).filter(|source| **source != Source::Stdin) {
            let Ok(input) = source.read() else { continue };
            if let Ok(Kind::Module) = input::recognise(&input, source.file_name().as_deref()) {
                types.extend(legalize::wide_exports(&input).unwrap_or_default());
            }
        }
        types
    }

    /// What the files given as `--main` offer, if there are any.
    pub(super) fn main(&self) -> Result<Option<Environment>> {
        let main = &self.args.target.main;
        if main.is_empty() {
            Ok(None)
        } else {
            target::manifest::of_main(main, self.target).map(Some).map_err(|error| RUNTIME_FILES.covers(error))
        }
    }

    /// The entry point to exception matching that the runtime offers, or else the one that the target should; empty where exceptions stay
    /// as they are.
    pub(super) fn personality(&self, environment: Option<&Environment>) -> Result<String> {
        let target = self.target;
        match environment.and_then(exceptions::personality::offered).or(target.personality) {
            Some(personality) if target.exception_abi == ExceptionAbi::Native => Ok(personality.to_string()),
            _ if target.exception_abi == ExceptionAbi::JavaScript => Ok(String::new()),
            _ => bail!("the runtimes of {} offer no entry point to exception matching: choose another `--target`", target.name),
        }
    }

    pub(super) fn platform_tags(&self, target: &Target) -> Vec<String> {
        let tag = target.platform_tag(self.args.wheel.tag_style.unwrap_or(target.default_tag_style));
        tag.split('.').map(str::to_string).collect()
    }

    pub(super) fn wheel_options(&self) -> WheelOptions {
        let args = &self.args.wheel;
        let others = self.targets.iter().filter(|target| self.one_wheel && target.name != self.target.name);
        let also = others.map(|target| AlsoFor { platform_tags: self.platform_tags(target), python_tag: target.python_tag() });
        // What one of several targets needs, a wheel for all of them has.
        let null_weak = match self.one_wheel {
            true => self.targets.iter().any(|target| target.forgets_weak_imports()),
            false => self.target.forgets_weak_imports(),
        };
        WheelOptions {
            platform_tags: self.platform_tags(self.target),
            keep_spelling: args.tag_style.is_none(),
            python_tag: self.target.python_tag(),
            also: also.collect(),
            site_packages: self.target.site_packages.to_string(),
            allow_python_mismatch: args.allow_python_mismatch,
            libdirs: args.libdir.clone(),
            exclude: args.exclude.clone(),
            asked: Asked { targets: self.result_targets(), options: self.args.recorded(), wanted: args.audit },
            isolate: args.isolate.unwrap_or_default(),
            source_date_epoch: self.source_date_epoch,
            module: ModuleOptions { null_weak, ..self.options.clone() },
            shrink: self.shrink_present(),
            compress: args.compress,
            stored: args.stored,
            progress: self.progress.clone(),
        }
    }

    /// How the modules of the present input are made smaller, if they are to be.
    pub(super) fn shrink_present(&self) -> Option<shrink::Options> {
        let mut shrink = self.shrink.clone()?;
        shrink.exports.others = self.others();
        Some(shrink)
    }

    /// How modules are made smaller, if they are to be.
    pub(super) fn shrink_options(&self) -> Result<Option<shrink::Options>> {
        let args = &self.args.size;
        let optimize = args.optimize > 0;
        if !optimize && args.strip.is_none() {
            return Ok(None);
        }
        let passes = ShrinkOptions {
            bind: optimize && !args.no_bind,
            symbolic: args.bsymbolic,
            // A library that asks the loader for what it defines would have one half of its state for itself and share the other.
            isolate: optimize && !args.no_bind && !args.no_isolate,
            prune: optimize && !args.no_prune,
            strip: args.strip.map(Strip::from),
            merge: optimize && !args.no_merge,
            encode: optimize && !args.no_encode,
            order: args.order_for.map(order::For::from).unwrap_or_default(),
            relocations: optimize && !args.no_relocations,
            // Whoever asks for exports wants to call them.
            bigint: self.options.bigint && self.options.dyncalls.is_none(),
            environment: self.common.clone().or_else(|| self.options.environment.clone()),
        };
        let exports =
            exports::Options::new(args.exports.unwrap_or_default(), &args.keep_export, args.keep_exports_from.as_deref())?;
        let targets = if self.args.target.one_wheel { self.targets.clone() } else { vec![self.target] };
        Ok(Some(shrink::Options { passes, exports, targets }))
    }
}

/// Time of new and changed entries of archives, in seconds since 1970 (reproducible-builds.org, `SOURCE_DATE_EPOCH`).
pub(super) fn source_date_epoch() -> Result<Option<u64>> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().map(Some).with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`: expected seconds since 1970")),
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context("SOURCE_DATE_EPOCH: expected seconds since 1970"),
    }
}
