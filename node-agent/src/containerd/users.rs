//! As whom a container runs: numbers, or names looked up in the image's own /etc/passwd and /etc/group.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::runtime::{RuntimeError, UserWish};

/// No more of an image's files is read: they are anybody's.
const LONGEST: u64 = 1 << 20;

/// A resolved user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) additional: Vec<u32>,
}

/// Resolves a wish against a root file system that consists of `layers`, topmost first.
pub(super) fn resolve(wish: &UserWish, layers: &[PathBuf]) -> Result<User, RuntimeError> {
    let (user, group) = match wish.of_image.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (wish.of_image.as_str(), None),
    };
    let named = match (wish.uid, user) {
        (Some(uid), _) => (uid, None),
        (None, "") => (0, None),
        (None, user) => lookup_user(user, layers)?,
    };
    let of_image = if wish.uid.is_some() { None } else { group.filter(|group| !group.is_empty()) };
    let gid = match (wish.gid, of_image) {
        (Some(gid), _) => gid,
        (None, Some(group)) => lookup_group(group, layers)?,
        (None, None) => named.1.or_else(|| primary_group(named.0, layers)).unwrap_or(0),
    };
    if wish.non_root && named.0 == 0 {
        let message = "container has runAsNonRoot and image will run as root".to_owned();
        return Err(RuntimeError::Invalid(message));
    }
    Ok(User { uid: named.0, gid, additional: wish.additional.clone() })
}

fn lookup_user(user: &str, layers: &[PathBuf]) -> Result<(u32, Option<u32>), RuntimeError> {
    if let Ok(uid) = user.parse() {
        return Ok((uid, None));
    }
    let passwd = read(layers, "passwd");
    let entry = passwd.lines().map(fields).find(|entry| entry.first() == Some(&user));
    let ids = entry.and_then(|entry| Some((entry.get(2)?.parse().ok()?, entry.get(3)?.parse().ok())));
    ids.ok_or_else(|| RuntimeError::Invalid(format!("unable to find user {user}: no matching entries in passwd file")))
}

fn lookup_group(group: &str, layers: &[PathBuf]) -> Result<u32, RuntimeError> {
    if let Ok(gid) = group.parse() {
        return Ok(gid);
    }
    let file = read(layers, "group");
    let entry = file.lines().map(fields).find(|entry| entry.first() == Some(&group));
    let gid = entry.and_then(|entry| entry.get(2)?.parse().ok());
    gid.ok_or_else(|| RuntimeError::Invalid(format!("unable to find group {group}: no matching entries in group file")))
}

fn primary_group(uid: u32, layers: &[PathBuf]) -> Option<u32> {
    let passwd = read(layers, "passwd");
    let number = uid.to_string();
    let entry = passwd.lines().map(fields).find(|entry| entry.get(2) == Some(&number.as_str()))?;
    entry.get(3)?.parse().ok()
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

/// The topmost layer's version of a file in /etc. Symbolic links, /etc itself included, are not followed: they would lead out
/// of the layer.
fn read(layers: &[PathBuf], name: &str) -> String {
    let plain = |path: &PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let etc = layers.iter().map(|layer| layer.join("etc"));
    let etc = etc.filter(|path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()));
    let path = etc.map(|path| path.join(name)).find(plain);
    path.and_then(|path| beginning(&path).ok()).unwrap_or_default()
}

fn beginning(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(of_image: &str, uid: Option<u32>, expect: Result<(u32, u32), &str>) {
        let layer = tempfile::tempdir().unwrap();
        std::fs::create_dir(layer.path().join("etc")).unwrap();
        std::fs::write(layer.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\nweb:x:101:102::/:\n").unwrap();
        std::fs::write(layer.path().join("etc/group"), "web:x:102:\nstaff:x:50:web\n").unwrap();
        let wish = UserWish { of_image: of_image.into(), uid, non_root: true, ..UserWish::default() };
        let found = resolve(&wish, &[layer.path().to_owned()]);
        let found = found.map(|user| (user.uid, user.gid)).map_err(|error| error.to_string());
        assert_eq!(found, expect.map_err(str::to_owned), "{of_image}");
    }

    #[test]
    fn a_layer_does_not_lead_to_the_files_of_the_node() {
        let layer = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", layer.path().join("etc")).unwrap();
        let wish = UserWish { of_image: "daemon".into(), ..UserWish::default() };
        assert!(resolve(&wish, &[layer.path().to_owned()]).is_err());
    }

    #[test]
    fn names_and_numbers_are_found() {
        check("web", None, Ok((101, 102)));
        check("web:staff", None, Ok((101, 50)));
        check("101", None, Ok((101, 102)));
        check("7:8", None, Ok((7, 8)));
        check("web", Some(9), Ok((9, 0)));
        check("nobody", None, Err("unable to find user nobody: no matching entries in passwd file"));
        check("", None, Err("container has runAsNonRoot and image will run as root"));
    }
}
