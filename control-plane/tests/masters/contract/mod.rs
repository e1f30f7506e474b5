//! The contract of the API, case by case, on a real master: each case is a request and what must come of it, and is played over both
//! faces, REST and gRPC, each in a namespace of its own.
//!
//! A table is a function that returns cases in the order in which they are played; a later case may build on an earlier one. What only one
//! face can say (headers, encodings, discovery) is in `encodings`, what takes time in `watches`, what wants to hurt in
//! `hostile`; `lifecycle` takes an object of each kind the whole way.

mod ask;
mod encodings;
pub(crate) mod faces;
mod hostile;
mod kinds;
mod lifecycle;
mod lists;
mod objects;
mod policies;
pub(crate) mod watches;
mod writes;

use serde_json::json;
use xebec_control_plane::server::Master;

use crate::compatibility;
use crate::support::*;
use ask::{Ask, Case, NAMESPACES, create};
use faces::{Grpc, Rest};

/// A table with its name.
type Table = (&'static str, fn() -> Vec<Case>);

const TABLES: [Table; 9] = [
    ("objects", objects::cases),
    ("refusals", objects::refusals),
    ("writes", writes::cases),
    ("deletes", writes::deletes),
    ("lists", lists::cases),
    ("list refusals", lists::refusals),
    ("deletes of many", lists::deletes),
    ("every kind", kinds::cases),
    ("policies", policies::cases),
];

/// One face in one namespace.
struct Player {
    face: Face,
    namespace: &'static str,
    played: usize,
    failures: Vec<String>,
}

enum Face {
    Rest(Rest),
    Grpc(Grpc),
}

impl Player {
    fn new(face: Face, namespace: &'static str) -> Player {
        Player { face, namespace, played: 0, failures: Vec::new() }
    }

    async fn play_all(&mut self, table: &str, cases: &[Case]) {
        for case in cases {
            self.play(table, case).await;
        }
    }

    async fn play(&mut self, table: &str, case: &Case) {
        let ask = Ask { name: case.ask.name.replace("{ns}", self.namespace), ..case.ask.clone() };
        let answer = match &self.face {
            Face::Rest(rest) => Some(rest.ask(&ask, self.namespace).await),
            Face::Grpc(grpc) => grpc.ask(&ask, self.namespace).await,
        };
        let Some(answer) = answer else { return };
        self.played += 1;
        if let Some(wrong) = case.judge(&answer, self.namespace) {
            self.failures.push(format!("{table}, {}: {:?}\n    {wrong}", self.namespace, case.ask));
        }
    }
}

/// The fewest cases that there are to be: that a table was forgotten must not go unnoticed.
const AT_LEAST: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_over_both_faces() {
    let dir = tempfile::tempdir().unwrap();
    let master = Master::start(first(dir.path(), "m1")).await.unwrap();
    ready(&master).await;
    let rest = Rest::new(&master).await;
    let grpc = Grpc::new(&master).await;
    let mut players = [Player::new(Face::Rest(rest.clone()), "by-rest"), Player::new(Face::Grpc(grpc), "by-grpc")];
    for player in &mut players {
        let namespace = create(NAMESPACES, json!({"metadata": {"name": "{ns}"}})).works();
        player.play("namespace", &namespace).await;
        for (name, cases) in TABLES {
            player.play_all(name, &cases()).await;
        }
    }
    let mut played: usize = players.iter().map(|player| player.played).sum();
    let failures: Vec<String> = players.into_iter().flat_map(|player| player.failures).collect();
    played += encodings::play(&rest).await;
    played += hostile::play(&master, &rest).await;
    played += lifecycle::play(&rest).await;
    println!("{played} cases played");
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
    assert!(played >= AT_LEAST, "only {played} cases");
    watches::play(&master, &rest).await;
    compatibility::check(&rest, &dir.path().join("audit/audit.log")).await;
    master.shutdown().await;
}
