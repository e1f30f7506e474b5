//! The node's network with real namespaces, devices and rules: two nodes, pods on both, traffic between them.
//!
//! Needs root, `ip` and `nft`; says so and passes when they are missing.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use world::{Node, Pod, World, nobody_answers, service, while_refused};

const CLUSTER_IP: &str = "10.43.0.10:80";

#[test]
fn pods_and_services_over_two_nodes() {
    let Some(world) = World::new("a") else { return };
    let [n1, n2] = [Node::start(&world, 1), Node::start(&world, 2)];
    for node in [&n1, &n2] {
        node.sync(5, &[]);
    }
    let [a, b, c] = [Pod::attach(&n1, "a"), Pod::attach(&n2, "b"), Pod::attach(&n2, "c")];
    assert_eq!([a.address.as_str(), b.address.as_str(), c.address.as_str()], ["10.42.1.1", "10.42.2.1", "10.42.2.2"]);

    pods_reach_each_other(&n1, [&a, &b, &c]);
    services_balance_over_both_nodes([&n1, &n2], [&a, &b, &c]);
    node_ports_answer_on_every_node([&n1, &n2], [&a, &b]);
    an_endpoint_reaches_itself(&n1, &a);
    a_client_keeps_its_endpoint([&n1, &n2], [&a, &b, &c]);
    pods_leave_the_cluster_as_their_node(&n2, &a);
    let n1 = a_udp_client_leaves_an_endpoint_that_goes(n1, [&a, &b]);
    services_outlive_the_agent(n1, &a, &b);
}

fn pods_reach_each_other(n1: &Node, [a, b, c]: [&Pod; 3]) {
    assert_eq!(a.ask(&b.endpoint()).unwrap().answerer, "b", "across the overlay");
    assert_eq!(a.ask(&b.endpoint()).unwrap().client, a.address, "with its own address");
    assert_eq!(b.ask(&a.endpoint()).unwrap().answerer, "a");
    assert_eq!(b.ask(&c.endpoint()).unwrap().answerer, "c", "on the same node");
    assert_eq!(n1.ask(&a.endpoint()).unwrap().answerer, "a", "from the node to its own pod");
    assert_eq!(n1.ask(&b.endpoint()).unwrap().answerer, "b", "from the node to another's pod");
    nobody_answers(a, "10.42.2.99:8080");
}

fn services_balance_over_both_nodes(nodes: [&Node; 2], [a, b, c]: [&Pod; 3]) {
    for node in nodes {
        node.change(10, service("web", CLUSTER_IP, &[]));
    }
    while_refused(|| c.ask(CLUSTER_IP)).expect_err("a service without endpoints refuses");
    for node in nodes {
        node.change(11, service("web", CLUSTER_IP, &[&a.endpoint(), &b.endpoint()]));
    }
    let everybody = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(c.ask_all(CLUSTER_IP), everybody);
    assert_eq!(a.ask_all(CLUSTER_IP), everybody, "also itself");
    assert_eq!(nodes[0].ask_all(CLUSTER_IP), everybody, "from the node itself");
}

fn node_ports_answer_on_every_node(nodes: [&Node; 2], [a, b]: [&Pod; 2]) {
    let mut web = service("web", CLUSTER_IP, &[&a.endpoint(), &b.endpoint()]);
    world::set_node_port(&mut web, 30080);
    for node in nodes {
        node.change(12, web.clone());
    }
    let everybody = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(nodes[1].ask_all("192.0.2.1:30080"), everybody, "from outside");
    assert_eq!(nodes[0].ask_all("192.0.2.1:30080"), everybody, "from the node itself");
    let mut nobody = service("web", CLUSTER_IP, &[]);
    world::set_node_port(&mut nobody, 30080);
    for node in nodes {
        node.change(13, nobody.clone());
    }
    while_refused(|| nodes[1].ask("192.0.2.1:30080")).expect_err("no endpoint, no answer");
}

fn an_endpoint_reaches_itself(n1: &Node, a: &Pod) {
    n1.change(14, service("self", "10.43.0.11:80", &[&a.endpoint()]));
    assert_eq!(a.ask("10.43.0.11:80").unwrap().answerer, "a");
}

fn a_client_keeps_its_endpoint(nodes: [&Node; 2], [a, b, c]: [&Pod; 3]) {
    let mut sticky = service("sticky", "10.43.0.12:80", &[&a.endpoint(), &b.endpoint()]);
    world::set_affinity(&mut sticky, 60);
    for node in nodes {
        node.change(15, sticky.clone());
    }
    assert_eq!(c.ask_all("10.43.0.12:80").len(), 1);
    assert_eq!(a.ask_all("10.43.0.12:80").len(), 1);
    // The one that goes is the choice of some clients; they must get another.
    let mut rest = service("sticky", "10.43.0.12:80", &[&b.endpoint()]);
    world::set_affinity(&mut rest, 60);
    nodes[1].change(16, rest);
    assert_eq!(c.ask_all("10.43.0.12:80"), BTreeSet::from(["b".to_owned()]));
}

fn pods_leave_the_cluster_as_their_node(n2: &Node, a: &Pod) {
    n2.serve("n2", 9000);
    assert_eq!(a.ask("192.0.2.2:9000").unwrap().client, "192.0.2.1");
}

fn a_udp_client_leaves_an_endpoint_that_goes(n1: Node, [a, b]: [&Pod; 2]) -> Node {
    let of = |pod: &Pod| {
        let mut names = service("names", "10.43.0.13:53", &[&pod.endpoint()]);
        world::set_udp(&mut names);
        names
    };
    n1.change(17, of(b));
    let client = a.talk_to("10.43.0.13:53");
    assert_eq!(client.ask(), "b");
    n1.change(18, of(a));
    assert_eq!(client.ask(), "a", "b goes on answering, but is no endpoint any more");
    let n1 = n1.restart();
    n1.adopt(&[a]);
    n1.sync(19, &[of(b)]);
    assert_eq!(client.ask(), "b", "also when the agent was not there to see a go");
    n1
}

fn services_outlive_the_agent(n1: Node, a: &Pod, b: &Pod) {
    n1.change(20, service("web", CLUSTER_IP, &[&b.endpoint()]));
    assert_eq!(a.ask(CLUSTER_IP).unwrap().answerer, "b");
    let n1 = n1.restart();
    assert!(!n1.ready(), "the masters have not spoken yet");
    assert_eq!(a.ask(CLUSTER_IP).unwrap().answerer, "b", "with no agent to help");
    n1.adopt(&[a]);
    n1.sync(21, &[]);
    assert_eq!(Pod::attach(&n1, "a2").address, "10.42.1.2", "the adopted pod keeps its address");
    assert_eq!(b.ask(&a.endpoint()).unwrap().answerer, "a");
    while_refused(|| a.ask(CLUSTER_IP)).expect_err("the service went while the agent was away");
    n1.adopt(&[]);
    std::thread::sleep(Duration::from_millis(10));
    nobody_answers(b, &a.endpoint());
}
