//! What two trials have in common, and what not.

use super::{Module, Test, Trial, Verdict};
use std::collections::BTreeSet;

/// What was found: what got lost or is different, what was gained, and what neither does, which proves nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub differences: Vec<String>,
    pub gains: Vec<String>,
    pub neither: Vec<String>,
}

impl Compared {
    pub fn verdict(&self) -> Verdict {
        match (self.differences.is_empty(), self.gains.is_empty()) {
            (false, _) => Verdict::Worse,
            (true, false) => Verdict::Better,
            (true, true) => Verdict::Same,
        }
    }

    /// Compares how one step ended: without an error, or with one.
    ///
    /// Tells whether both ended well. An error is no difference if the original has the same, such as a package that is missing.
    fn ends(&mut self, what: &str, original: Result<(), &str>, upgraded: Result<(), &str>) -> bool {
        match (original, upgraded) {
            (Ok(()), Ok(())) => return true,
            (Err(_), Ok(())) => self.gains.push(what.to_string()),
            (Ok(()), Err(error)) => self.differences.push(format!("{what} no longer: {error}")),
            (Err(before), Err(error)) if before == error => self.neither.push(format!("{what}: {error}")),
            (Err(before), Err(error)) => self.differences.push(format!("{what} neither before nor now: {before}; now {error}")),
        }
        false
    }
}

/// Compares what came of a wheel before and after.
pub fn compare(original: &Trial, upgraded: &Trial) -> Compared {
    let mut compared = Compared::default();
    compared.ends("loads", loaded(original), loaded(upgraded));
    if !upgraded.loaded {
        // The same error twice proves nothing.
        compared.differences.append(&mut compared.neither);
    }
    for module in &upgraded.modules {
        compare_module(&mut compared, original, module);
    }
    for module in original.modules.iter().filter(|module| find(upgraded, &module.name).is_none()) {
        compared.differences.push(format!("`import {}` is no longer reached", module.name));
    }
    if let Some(test) = &upgraded.test {
        compare_test(&mut compared, original, test);
    } else if original.test.is_some() {
        compared.differences.push("the test is no longer reached".to_string());
    }
    match (&original.fatal, &upgraded.fatal) {
        // Whatever the original did, a runtime that ended is not in order. One that took no wheel has been told.
        (_, Some(why)) if upgraded.loaded => compared.differences.push(format!("the runtime ended: {why}")),
        (Some(_), None) if original.loaded => compared.gains.push("runs to the end".to_string()),
        _ => {}
    }
    let fails = |module: &Module| module.error.is_some();
    if compared.differences.is_empty() && !upgraded.modules.is_empty() && upgraded.modules.iter().all(fails) {
        compared.differences.push("no module could be imported".to_string());
    }
    compared
}

fn loaded(trial: &Trial) -> Result<(), &str> {
    if trial.loaded { Ok(()) } else { Err(trial.fatal.as_deref().unwrap_or("the runtime ended")) }
}

fn find<'t>(trial: &'t Trial, name: &str) -> Option<&'t Module> {
    trial.modules.iter().find(|module| module.name == name)
}

fn outcome(error: &Option<String>) -> Result<(), &str> {
    error.as_deref().map_or(Ok(()), Err)
}

fn compare_module(compared: &mut Compared, original: &Trial, module: &Module) {
    let what = format!("`import {}` works", module.name);
    let Some(before) = find(original, &module.name) else {
        compared.ends(&what, Err("never tried"), outcome(&module.error));
        return;
    };
    if !compared.ends(&what, outcome(&before.error), outcome(&module.error)) {
        return;
    }
    let [old, new] = [before, module].map(|module| module.members.iter().collect::<BTreeSet<_>>());
    for (which, members) in [("went", old.difference(&new)), ("came", new.difference(&old))] {
        compared.differences.extend(members.map(|member| format!("`{}`: `{member}` {which}", module.name)));
    }
}

fn compare_test(compared: &mut Compared, original: &Trial, test: &Test) {
    let before = match &original.test {
        Some(before) => outcome(&before.error),
        None => Err("never tried"),
    };
    if !compared.ends("the test passes", before, outcome(&test.error)) {
        return;
    }
    let printed = original.test.as_ref().map_or("", |before| &before.printed);
    if printed != test.printed {
        let mut lines = (1..).zip(printed.lines().map(Some).chain(std::iter::repeat(None)));
        let mut new = test.printed.lines().map(Some).chain(std::iter::repeat(None));
        let first = lines.find_map(|(line, old)| {
            let new = new.next().flatten();
            (old != new || old.is_none()).then_some((line, old, new))
        });
        if let Some((line, old, new)) = first {
            let quoted = |text: Option<&str>| text.map_or("nothing".to_string(), |text| format!("{text:?}"));
            compared.differences.push(format!("the test prints {} instead of {} in line {line}", quoted(new), quoted(old)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(modules: &[(&str, Result<&[&str], &str>)], test: Option<(&str, Option<&str>)>) -> Trial {
        let module = |(name, outcome): &(&str, Result<&[&str], &str>)| Module {
            name: name.to_string(),
            members: outcome.unwrap_or_default().iter().map(|member| member.to_string()).collect(),
            error: outcome.err().map(str::to_string),
        };
        Trial {
            loaded: true,
            modules: modules.iter().map(module).collect(),
            test: test.map(|(printed, error)| Test { printed: printed.to_string(), error: error.map(str::to_string) }),
            ..Trial::default()
        }
    }

    fn dead(why: &str) -> Trial {
        Trial { fatal: Some(why.to_string()), ..Trial::default() }
    }

    #[track_caller]
    fn check(original: &Trial, upgraded: &Trial, verdict: Verdict, differences: &[&str], gains: &[&str]) {
        let compared = compare(original, upgraded);
        assert_eq!((compared.differences.as_slice(), compared.gains.as_slice()), (&*own(differences), &*own(gains)));
        assert_eq!(compared.verdict(), verdict);
    }

    fn own(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn what_both_do_is_the_same() {
        let both = trial(&[("a", Ok(&["x: int"])), ("b", Err("ImportError: c"))], Some(("1\n2", None)));
        check(&both, &both.clone(), Verdict::Same, &[], &[]);
        assert_eq!(compare(&both, &both).neither, ["`import b` works: ImportError: c"]);
    }

    #[test]
    fn the_same_errors_everywhere_prove_nothing() {
        check(&dead("why"), &dead("why"), Verdict::Worse, &["loads: why"], &[]);
        let fails = trial(&[("a", Err("ImportError: c"))], None);
        check(&fails, &fails.clone(), Verdict::Worse, &["no module could be imported"], &[]);
        let ended = Trial { fatal: Some("trap".into()), ..trial(&[("a", Ok(&[]))], None) };
        check(&ended, &ended.clone(), Verdict::Worse, &["the runtime ended: trap"], &[]);
    }

    #[test]
    fn what_only_the_upgraded_one_does_is_a_gain() {
        let upgraded = trial(&[("a", Ok(&["x: int"]))], Some(("1", None)));
        let gains = ["loads", "`import a` works", "the test passes"];
        check(&dead("LinkError"), &upgraded, Verdict::Better, &[], &gains);
        let failing = trial(&[("a", Err("ImportError: no"))], Some(("", Some("NameError: a"))));
        check(&failing, &upgraded, Verdict::Better, &[], &gains[1..]);
        let fatal = Trial { fatal: Some("null function".into()), ..trial(&[("a", Ok(&["x: int"]))], None) };
        check(&fatal, &upgraded, Verdict::Better, &[], &["the test passes", "runs to the end"]);
    }

    #[test]
    fn what_it_does_not_or_differently_is_a_difference() {
        let original = trial(&[("a", Ok(&["x: int", "y: int"]))], Some(("1\n2", None)));
        let upgraded = trial(&[("a", Ok(&["x: str", "y: int"]))], Some(("1\n3", None)));
        let differences = ["`a`: `x: int` went", "`a`: `x: str` came", "the test prints \"3\" instead of \"2\" in line 2"];
        check(&original, &upgraded, Verdict::Worse, &differences, &[]);
        let shorter = trial(&[("a", Ok(&["x: int", "y: int"]))], Some(("1", None)));
        check(&original, &shorter, Verdict::Worse, &["the test prints nothing instead of \"2\" in line 2"], &[]);
        check(
            &original,
            &dead("LinkError"),
            Verdict::Worse,
            &["loads no longer: LinkError", "`import a` is no longer reached", "the test is no longer reached"],
            &[],
        );
        let fatal = Trial { fatal: Some("trap".into()), test: None, ..original.clone() };
        check(&original, &fatal, Verdict::Worse, &["the test is no longer reached", "the runtime ended: trap"], &[]);
        // An error that the original could not have had, since it never came so far.
        let failing = trial(&[("a", Err("ModuleNotFoundError: numpy"))], None);
        check(
            &dead("LinkError"),
            &failing,
            Verdict::Worse,
            &["`import a` works neither before nor now: never tried; now ModuleNotFoundError: numpy"],
            &["loads"],
        );
    }
}
