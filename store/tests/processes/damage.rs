//! Flipped bits and cut-off files on a minority: noticed, never served, and mended from the others.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::cluster::{Cluster, Wishes, until};
use super::ledger::Ledger;
use super::load::under_load;
use super::turn;

/// Whose disk it is.
const VICTIM: usize = 2;

/// What a member's directory holds.
const FILES: [(&str, &str); 5] =
    [("wal", ".seg"), ("snap", ".snap"), ("", "member.json"), ("state.sled", "db"), ("state.sled", "conf")];

#[test]
fn damage_on_a_minority_is_noticed_and_mended() {
    let _turn = turn::shared();
    let segments = || vec![("MEMBER_SEGMENT".to_owned(), "16384".to_owned())];
    let wishes = Wishes { variables: [segments(), segments(), segments()], ..Wishes::default() };
    let (cluster, ledger) = (Cluster::start(wishes), Ledger::default());
    let mut refused = Vec::new();
    under_load(&cluster, &ledger, || {
        // Enough for snapshots.
        ledger.await_acks(350);
        let damages = [("flipped", flip as fn(&Path)), ("cut off", cut_off as fn(&Path))];
        for (file, (what, hurt)) in FILES.into_iter().flat_map(|file| damages.map(|damage| (file, damage))) {
            // A rebuilt member's log begins anew: enough for several segments.
            ledger.await_acks(if file.0 == "wal" { 150 } else { 60 });
            let was_refused = hurt_and_mend(&cluster, file, hurt);
            refused.extend(was_refused.then(|| format!("{}/{} {what}", file.0, file.1)));
        }
        ledger.await_acks(20);
    });
    ledger.judge(&cluster);
    println!("refused to serve, and was rebuilt: {refused:?}");
    for part in ["wal", "/member.json"] {
        let times = refused.iter().filter(|what| what.starts_with(part)).count();
        assert_eq!(times, 2, "damage of {part} goes unnoticed; refused: {refused:?}");
    }
}

/// Whether the member refused its directory, and had to be rebuilt.
fn hurt_and_mend(cluster: &Cluster, (dir, ending): (&str, &str), hurt: fn(&Path)) -> bool {
    let found = || file(&cluster.dir(VICTIM).join(dir), ending);
    // A member that was just rebuilt has no checkpoint yet.
    until("there is such a file", || found().is_some_and(|path| path.metadata().is_ok_and(|file| file.len() > 16)));
    cluster.kill(VICTIM);
    hurt(&found().expect("it was there"));
    match cluster.run(VICTIM) {
        Ok(()) => false,
        Err(reason) => {
            assert!(reason.contains("Corrupt"), "{dir}/*{ending}: {reason}");
            cluster.rebuild(VICTIM);
            true
        }
    }
}

/// The first such file: of several, the older ones are full.
fn file(dir: &Path, ending: &str) -> Option<PathBuf> {
    let names = std::fs::read_dir(dir).ok()?.map(|entry| entry.expect("it is read").path());
    names.filter(|path| path.display().to_string().ends_with(ending)).min()
}

/// One bit in each of eight bytes: between records, some bytes mean nothing.
fn flip(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("it can be opened");
    let middle = file.metadata().expect("it has a length").len() / 2;
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, middle).expect("it has a middle");
    file.write_all_at(&bytes.map(|byte| byte ^ 4), middle).expect("it can be written");
}

fn cut_off(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).expect("it can be opened");
    let length = file.metadata().expect("it has a length").len();
    file.set_len(length / 2).expect("it can be cut");
}
