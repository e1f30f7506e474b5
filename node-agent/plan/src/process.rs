//! What a container runs: the pod's spec over the image's configuration.

use k8s_openapi::api::core::v1::Container;
use serde::Deserialize;

use crate::env::expand;

/// The part of an image's configuration that says how to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    /// `NAME=value`.
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<String>,
    /// The program.
    #[serde(deserialize_with = "nullable")]
    pub entrypoint: Vec<String>,
    /// Its arguments, or the program if there is no entrypoint.
    #[serde(deserialize_with = "nullable")]
    pub cmd: Vec<String>,
    /// Where it starts.
    #[serde(deserialize_with = "nullable")]
    pub working_dir: String,
    /// `user`, `uid`, `user:group` or `uid:gid`.
    #[serde(deserialize_with = "nullable")]
    pub user: String,
    /// The signal that asks it to end.
    #[serde(deserialize_with = "nullable")]
    pub stop_signal: String,
}

/// Image builders write `null` where they mean nothing.
fn nullable<'de, T: Deserialize<'de> + Default, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The process of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments.
    pub args: Vec<String>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub cwd: String,
}

/// The program that a container has no name of: neither spec nor image says what to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no command specified")]
pub struct NoCommand;

/// Default search path, for images that set none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Combines spec, image, and the container's own environment.
pub fn process(
    container: &Container,
    image: &ImageConfig,
    env: &[(String, String)],
    hostname: &str,
) -> Result<Process, NoCommand> {
    let lookup = |name: &str| env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let expanded = |words: &Vec<String>| words.iter().map(|word| expand(word, lookup)).collect::<Vec<_>>();
    let command = container.command.as_ref().filter(|command| !command.is_empty()).map(expanded);
    let args = container.args.as_ref().map(expanded);
    let args = match (command, args) {
        (Some(command), args) => [command, args.unwrap_or_default()].concat(),
        (None, Some(args)) => [image.entrypoint.clone(), args].concat(),
        (None, None) => [image.entrypoint.clone(), image.cmd.clone()].concat(),
    };
    if args.is_empty() {
        return Err(NoCommand);
    }
    let cwd = container.working_dir.clone().filter(|cwd| !cwd.is_empty()).unwrap_or_else(|| image.working_dir.clone());
    let cwd = if cwd.is_empty() { "/".to_owned() } else { cwd };
    Ok(Process { args, env: merged(image, env, hostname), cwd })
}

fn merged(image: &ImageConfig, env: &[(String, String)], hostname: &str) -> Vec<(String, String)> {
    let mut all = vec![("PATH".to_owned(), PATH.to_owned()), ("HOSTNAME".to_owned(), hostname.to_owned())];
    let of_image = image.env.iter().filter_map(|pair| pair.split_once('='));
    let of_image = of_image.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in of_image.chain(env.iter().cloned()) {
        match all.iter_mut().find(|(key, _)| *key == name) {
            Some(entry) => entry.1 = value,
            None => all.push((name, value)),
        }
    }
    all
}

/// The number of the signal that asks a container to end: the image's, or SIGTERM.
pub fn stop_signal(name: &str) -> u32 {
    const SIGNALS: [(&str, u32); 10] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ABRT", 6),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", 15),
        ("WINCH", 28),
        ("PWR", 30),
    ];
    let word = name.strip_prefix("SIG").unwrap_or(name);
    let named = SIGNALS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    named.or_else(|| word.parse().ok().filter(|number| (1..=64).contains(number))).unwrap_or(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(command: &[&str], args: &[&str]) -> Vec<String> {
        let words = |words: &[&str]| (!words.is_empty()).then(|| words.iter().map(|word| (*word).to_owned()).collect());
        let container = Container { command: words(command), args: words(args), ..Container::default() };
        let image = ImageConfig { entrypoint: vec!["e".into()], cmd: vec!["c".into()], ..ImageConfig::default() };
        process(&container, &image, &[("A".into(), "1".into())], "h").unwrap().args
    }

    #[test]
    fn a_command_replaces_the_image_and_arguments_its_cmd() {
        assert_eq!(args(&[], &[]), ["e", "c"]);
        assert_eq!(args(&[], &["x$(A)"]), ["e", "x1"]);
        assert_eq!(args(&["p"], &[]), ["p"]);
        assert_eq!(args(&["p"], &["x"]), ["p", "x"]);
    }

    #[test]
    fn null_in_an_image_configuration_means_nothing() {
        let image: ImageConfig = serde_json::from_str(r#"{"Env":null,"Cmd":["sh"],"Entrypoint":null}"#).unwrap();
        assert_eq!(image, ImageConfig { cmd: vec!["sh".into()], ..ImageConfig::default() });
    }

    #[test]
    fn stop_signals_have_names_and_numbers() {
        assert_eq!(["SIGQUIT", "QUIT", "3", "", "NONSENSE"].map(stop_signal), [3, 3, 3, 15, 15]);
    }
}
