//! The profile of Amazon's tools: `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The settings of one profile. Its `Debug` shows no value: some are secrets.
#[derive(Default)]
pub(super) struct Profile {
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// Reads the profile that `AWS_PROFILE` names, else `default`. Files that are not there have nothing to say.
    pub(super) fn read() -> Self {
        let name = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "default".to_owned());
        let file = |variable: &str, usual: &str| {
            let home = || std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
            let path = std::env::var_os(variable).map(PathBuf::from);
            path.or_else(|| Some(PathBuf::from(home()?).join(".aws").join(usual)))
        };
        let mut profile = Self::default();
        for (variable, usual) in [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
            if let Some(text) = file(variable, usual).and_then(|path| std::fs::read_to_string(path).ok()) {
                profile.add(&text, &name);
            }
        }
        profile
    }

    /// Adds what a file says in the section `[name]`, or `[profile name]`.
    fn add(&mut self, text: &str, name: &str) {
        let mut is_ours = false;
        for line in text.lines() {
            let line = line.trim_end();
            if let Some(section) = line.trim().strip_prefix('[').and_then(|line| line.split_once(']')) {
                let section = section.0.trim();
                is_ours = section == name || section.strip_prefix("profile ").is_some_and(|of| of.trim() == name);
            } else if is_ours
                // Indented lines are settings inside a setting.
                && !line.starts_with([' ', '\t', '#', ';'])
                && let Some((key, value)) = line.split_once('=')
            {
                self.settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.settings.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_section_counts_and_nothing_is_shown() {
        let mut profile = Profile::default();
        profile.add(
            "[default]\nregion = eu-west-1\n[profile work]\nregion=us-east-2\ns3 =\n  addressing_style = path\n",
            "work",
        );
        profile.add("[work]\naws_access_key_id = K\naws_secret_access_key = a=b\n[other]\nregion = x\n", "work");
        assert_eq!(profile.get("region"), Some("us-east-2"));
        assert_eq!(profile.get("aws_secret_access_key"), Some("a=b"));
        assert_eq!(profile.get("addressing_style"), None);
        assert!(!format!("{profile:?}").contains("a=b"));
    }
}
