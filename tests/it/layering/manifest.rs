//! What a Cargo manifest depends on, read line by line: the manifests are ours and plain.

/// A dependency, by the name that code uses for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Under `dev-dependencies`, for tests alone.
    pub(crate) dev: bool,
}

/// Every dependency of a package for any target; not the workspace's list of versions.
pub(crate) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut dev = None; // whether the section holds development dependencies, if any at all
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.split(']').next().unwrap_or("");
            dev = None;
            if section.starts_with("workspace") {
                continue;
            }
            let (before, entry) = match section.rsplit_once("dependencies.") {
                Some((before, entry)) => (before, Some(entry)),
                None => (section.strip_suffix("dependencies").unwrap_or("?"), None),
            };
            let is_dev = before.ends_with("dev-");
            let table = ["", "dev-", "build-"].iter().any(|kind| {
                before == *kind
                    || before.starts_with("target.") && before.ends_with(&format!(".{kind}"))
            });
            match entry {
                Some(entry) if table => found.push(dependency(entry, is_dev)),
                None if table => dev = Some(is_dev),
                _ => {}
            }
        } else if let (Some(dev), Some((key, _))) = (dev, line.split_once('='))
            && !line.starts_with('#')
        {
            found.push(dependency(key.split('.').next().unwrap_or(key), dev));
        }
    }
    found
}

fn dependency(key: &str, dev: bool) -> Dependency {
    Dependency { name: key.trim().trim_matches('"').replace('-', "_"), dev }
}

#[test]
fn every_kind_of_section_is_read() {
    let manifest = r#"
        [workspace.dependencies]
        elsewhere = "1"
        [package]
        name = "x"
        [dependencies]
        # comment = "1"
        a-b.workspace = true
        c = { version = "1" }
        [target.'cfg(unix)'.dependencies]
        d = "1"
        [dependencies.e]
        version = "1"
        [dev-dependencies]
        f = "1"
        [build-dependencies]
        g = "1"
        [target.'cfg(windows)'.dev-dependencies.h]
        version = "1"
        [features]
        i = []
    "#;
    let found: Vec<(String, bool)> =
        dependencies(manifest).into_iter().map(|one| (one.name, one.dev)).collect();
    let expected = [("a_b", false), ("c", false), ("d", false), ("e", false), ("f", true)];
    let expected = expected.into_iter().chain([("g", false), ("h", true)]);
    assert_eq!(found, expected.map(|(name, dev)| (name.to_owned(), dev)).collect::<Vec<_>>());
}
