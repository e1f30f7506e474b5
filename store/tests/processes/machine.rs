//! What stories need of the machine, as root: file systems that can be cut off or filled, hosts that can be cut off.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("this story needs {program} (`cargo xtask setup`): {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said} (this story needs root)");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("our paths are text")
}

/// A file system of its own.
pub(crate) struct Volume {
    place: PathBuf,
    /// How often the power has come back; names the image.
    lives: AtomicU64,
}

impl Volume {
    /// An ext4 in a file, on a loop device.
    pub(crate) fn ext4(home: &Path, name: &str, bytes: u64) -> Volume {
        let volume = Volume { place: home.join(name), lives: AtomicU64::new(0) };
        let image = volume.image();
        std::fs::File::create(&image).and_then(|file| file.set_len(bytes)).expect("there is room");
        run("mkfs.ext4", &["-q", "-F", "-J", "size=4", text(&image)]);
        volume.mount();
        volume
    }

    /// A file system in memory.
    pub(crate) fn tmpfs(home: &Path, name: &str, bytes: u64) -> Volume {
        let place = home.join(name);
        std::fs::create_dir_all(&place).expect("there is room");
        run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs", text(&place)]);
        Volume { place, lives: AtomicU64::new(0) }
    }

    fn image(&self) -> PathBuf {
        self.place.with_extension(format!("{}.img", self.lives.load(Ordering::Relaxed)))
    }

    fn mount(&self) {
        std::fs::create_dir_all(&self.place).expect("there is room");
        run("mount", &["-o", "loop", text(&self.image()), text(&self.place)]);
    }

    /// More room on a file system in memory.
    pub(crate) fn grow(&self, bytes: u64) {
        run("mount", &["-o", &format!("remount,size={bytes}"), text(&self.place)]);
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// The power goes: the file system takes nothing more, and what it has not written is lost, its journal too.
    pub(crate) fn cut_power(&self) {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
        let program =
            r#"open(my $d, "<", $ARGV[0]) or die $!; my $f = pack("L", 2); ioctl($d, 0x8004587d, $f) or die $!"#;
        run("perl", &["-e", program, text(&self.place)]);
    }

    /// The power comes back. A copy of the image is mounted: a mount namespace that somebody made meanwhile keeps the old file
    /// system alive, dead as it is.
    pub(crate) fn restore_power(&self) {
        run("umount", &[text(&self.place)]);
        let old = self.image();
        self.lives.fetch_add(1, Ordering::Relaxed);
        run("cp", &["--sparse=always", text(&old), text(&self.image())]);
        std::fs::remove_file(old).expect("it is ours");
        self.mount();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // The story may have failed between two mounts.
        drop(Command::new("umount").args(["--lazy", text(&self.place)]).output());
    }
}

/// Three hosts on one switch, as network namespaces: nothing of it is seen outside.
pub(crate) struct Hosts {
    names: [String; 3],
    switch: String,
}

impl Hosts {
    /// Builds them.
    pub(crate) fn new() -> Hosts {
        let ours = std::process::id();
        let hosts = Hosts {
            names: [1, 2, 3].map(|n| format!("xebec-store-{ours}-{n}")),
            switch: format!("xebec-store-{ours}"),
        };
        run("ip", &["netns", "add", &hosts.switch]);
        run("ip", &["-n", &hosts.switch, "link", "add", "switch", "type", "bridge"]);
        run("ip", &["-n", &hosts.switch, "link", "set", "switch", "up"]);
        (0..3).for_each(|at| hosts.plug_in(at));
        hosts
    }

    fn plug_in(&self, at: usize) {
        let (host, switch, port) = (&*self.names[at], &*self.switch, format!("port{at}"));
        run("ip", &["netns", "add", host]);
        run("ip", &["-n", host, "link", "add", "wire", "type", "veth", "peer", "name", &port, "netns", switch]);
        run("ip", &["-n", switch, "link", "set", &port, "master", "switch", "up"]);
        run("ip", &["-n", host, "address", "add", &format!("{}/24", address(at)), "dev", "wire"]);
        run("ip", &["-n", host, "link", "set", "wire", "up"]);
        run("ip", &["-n", host, "link", "set", "lo", "up"]);
        self.nft(at, "add table ip cut");
        self.nft(at, "add chain ip cut in { type filter hook input priority 0; }");
    }

    /// Where members can run.
    pub(crate) fn places(&self) -> [(String, SocketAddr); 3] {
        [0, 1, 2].map(|at| (self.names[at].clone(), format!("{}:7000", address(at)).parse().expect("it is one")))
    }

    /// From now on nothing that `from` sends reaches `to`.
    pub(crate) fn cut(&self, from: usize, to: usize) {
        self.nft(to, &format!("add rule ip cut in ip saddr {} drop", address(from)));
    }

    /// Everything reaches everybody.
    pub(crate) fn heal(&self) {
        (0..3).for_each(|at| self.nft(at, "flush chain ip cut in"));
    }

    fn nft(&self, at: usize, command: &str) {
        run("ip", &["netns", "exec", &self.names[at], "nft", command]);
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in self.names.iter().chain([&self.switch]) {
            // The story may have failed before it was there.
            drop(Command::new("ip").args(["netns", "delete", name]).output());
        }
    }
}

fn address(at: usize) -> String {
    format!("10.77.0.{}", at + 1)
}
