//! Directories that are upgraded as a whole: each distribution as a wheel, what belongs to none of them file by file.

use super::Run;
use crate::codes::noted::{NO_MODULES, SYMBOLIC_LINK};
use crate::codes::upgrading::UNWRITABLE;
use crate::input::Kind;
use crate::inputs::Item;
use crate::output::Destination;
use crate::plain::first_names;
use crate::report::{InputReport, NoticeReport, Status};
use crate::tree::distribution::{Distribution, distributions};
use crate::tree::{self, Changed, Changes, Tree, modules, place};
use crate::wheel::contents;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

impl Run<'_> {
    /// Upgrades the directory `root`, the result of which goes to where `item` says.
    pub(super) fn tree(&mut self, item: &Item, root: &Path, report: &mut InputReport) -> Result<()> {
        report.kind = Some(Kind::Directory);
        if self.auto {
            // Each part of it has its own.
            report.targets.clear();
        }
        let tree = Tree::read(root)?;
        let before = tree.size()?;
        report.size_before = Some(before);
        let (found, loose) = distributions(&tree)?;
        let loose = modules(&tree, &loose)?;
        if found.is_empty() && loose.is_empty() {
            bail!("there is no wheel, archive, side module or `.dist-info` directory in it");
        }
        let mut changes = Changes::default();
        let several = found.len() > 1;
        for distribution in found.iter().filter(|distribution| distribution.has_modules()) {
            self.enter_party(item.source.to_string(), &distribution.dist_info);
            self.distribution(&tree, distribution, several, report, &mut changes)
                .with_context(|| distribution.dist_info.clone())?;
        }
        for name in &loose {
            self.enter_party(item.source.to_string(), name);
            self.loose(&tree, name, report, &mut changes).with_context(|| format!("`{name}`"))?;
        }
        note_links(&tree, report);
        if report.modules.is_empty() {
            report.notices.push(NoticeReport::from(NO_MODULES.notes("no side module inside: nothing to do")));
        }
        let (more, less) = changes.grown(&tree)?;
        report.output = self.put_tree(&tree, &changes, item, root).map_err(|error| UNWRITABLE.covers(error))?;
        report.status = if changes.is_empty() { Status::Unchanged } else { Status::Upgraded };
        report.size_after = Some((before + more).saturating_sub(less));
        report.file_name = root.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(())
    }

    /// Writes the result, and tells where it is or would be.
    fn put_tree(&self, tree: &Tree, changes: &Changes, item: &Item, root: &Path) -> Result<Option<String>> {
        let dry_run = self.args.output.dry_run;
        let path: PathBuf = match &self.destination {
            Destination::InPlace => {
                place::replace(tree, changes, dry_run)?;
                root.to_path_buf()
            }
            Destination::Directory(directory) => {
                // An empty path behind it would end it with a separator.
                let path = if item.below.as_os_str().is_empty() { directory.clone() } else { directory.join(&item.below) };
                place::write(tree, changes, &path, dry_run)?;
                path
            }
            Destination::None | Destination::Stdout | Destination::File(_) => return Ok(None),
        };
        Ok(Some(path.display().to_string()))
    }

    fn distribution(
        &mut self,
        tree: &Tree,
        distribution: &Distribution,
        several: bool,
        report: &mut InputReport,
        changes: &mut Changes,
    ) -> Result<()> {
        let (name, archive) = distribution.pack(tree)?;
        let mut own = InputReport::new(name.clone());
        // There is no file of that name, which installers could take or not.
        let told = std::mem::replace(&mut self.told_names, true);
        let transformed = self.transform(Some(name), &archive, &mut own);
        self.told_names = told;
        let (_, upgraded) = transformed?;
        report.add_targets(own.targets);
        if let Some(bytes) = &upgraded.bytes {
            let renamed = own.modules.iter().filter_map(|module| module.path.clone().zip(module.renamed_to.clone()));
            changes.add(&archive, bytes, &renamed.collect())?;
            distribution.finish_record(tree, changes)?;
        }
        // In a directory of many a notice is about nobody.
        if several {
            own.notices.iter_mut().for_each(|notice| notice.message = format!("{}: {}", distribution.dist_info, notice.message));
        }
        report.modules.extend(own.modules);
        report.notices.extend(own.notices);
        Ok(())
    }

    /// Upgrades a module that belongs to no distribution.
    fn loose(&mut self, tree: &Tree, name: &str, report: &mut InputReport, changes: &mut Changes) -> Result<()> {
        let before = tree.contents(name)?;
        let mut own = InputReport::new(name.to_string());
        let file_name = name.rsplit('/').next().unwrap_or(name);
        let (_, upgraded) = self.transform(Some(file_name.to_string()), &before, &mut own)?;
        report.add_targets(own.targets);
        if let Some(bytes) = upgraded.bytes {
            changes.written.insert(name.to_string(), Changed { bytes, before: Some(before), like: None });
        }
        own.modules.iter_mut().for_each(|module| module.path = Some(name.to_string()));
        report.modules.extend(own.modules);
        report.notices.extend(own.notices);
        Ok(())
    }
}

/// Tells which links have names of modules.
fn note_links(tree: &Tree, report: &mut InputReport) {
    const SHOWN: usize = 3;
    let links: Vec<String> = tree.names(tree::Kind::Link).filter(|name| contents::is_module_name(name)).collect();
    if !links.is_empty() {
        let names = first_names(links.iter().map(|name| format!("`{name}`")), SHOWN);
        let message = format!("left as symbolic links, and not looked at: {names}");
        report.notices.push(NoticeReport::from(SYMBOLIC_LINK.warns(message)));
    }
}
