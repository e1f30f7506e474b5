//! What a member is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clap::Args;

/// One member of a store, with etcd's face for clients.
#[derive(Args, Clone, Debug)]
pub struct MemberOptions {
    /// Where its data lies; made if absent
    #[arg(long)]
    pub data_dir: PathBuf,
    /// This member's id, one of those in --members
    #[arg(long)]
    pub id: u64,
    /// All members as ID=HOST:PORT, the port being the peers'; the first begins the cluster, whoever leads adds the rest
    #[arg(long, value_delimiter = ',', required = true)]
    pub members: Vec<Seat>,
    /// Where clients call, without TLS: an address that nobody else reaches
    #[arg(long)]
    pub client_address: SocketAddr,
    /// A directory with ca.pem, leaf.pem and key.pem for the peers
    #[arg(long)]
    pub tls_dir: PathBuf,
    /// The cluster's name
    #[arg(long, default_value = "bench")]
    pub cluster_id: String,
    /// It has had its directory before, so an empty one is refused
    #[arg(long)]
    pub has_history: bool,
    /// Threads that serve; 0: one for each core
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

impl MemberOptions {
    /// This member's place.
    pub fn me(&self) -> Result<&Seat> {
        let me = self.members.iter().find(|seat| seat.id == self.id);
        me.with_context(|| format!("--members has no member {}", self.id))
    }
}

/// A member's id and the address at which its peers call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Not 0.
    pub id: u64,
    /// `host:port`.
    pub address: String,
}

impl Seat {
    /// For people.
    pub fn name(&self) -> String {
        format!("m{}", self.id)
    }

    /// Whether it is the one that begins the cluster.
    pub fn is_first(&self, members: &[Seat]) -> bool {
        members.first() == Some(self)
    }
}

impl FromStr for Seat {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Seat> {
        let (id, address) = text.split_once('=').with_context(|| format!("`{text}` is not ID=HOST:PORT"))?;
        let id = id.parse().with_context(|| format!("`{id}` is not a member's id"))?;
        ensure!(id != 0, "a member's id is not 0");
        Ok(Seat { id, address: address.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_names_what_is_wrong_with_it() {
        let seat = Seat { id: 2, address: "127.0.0.1:4".to_owned() };
        assert_eq!("2=127.0.0.1:4".parse::<Seat>().unwrap(), seat);
        let wrong = |text: &str| text.parse::<Seat>().unwrap_err().to_string();
        assert_eq!(wrong("127.0.0.1:4"), "`127.0.0.1:4` is not ID=HOST:PORT");
        assert_eq!(wrong("x=127.0.0.1:4"), "`x` is not a member's id");
        assert_eq!(wrong("0=127.0.0.1:4"), "a member's id is not 0");
    }
}
