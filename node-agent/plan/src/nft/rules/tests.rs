use expect_test::{Expect, expect};

use super::*;

fn rules() -> Rules {
    let networks = Networks { cluster: "10.42.0.0/16".parse().unwrap(), services: "10.43.0.0/16".parse().unwrap() };
    Rules::new(networks, Some("10.42.1.0/24".parse().unwrap()))
}

fn name(name: &str) -> ServiceName {
    ServiceName { namespace: "default".into(), name: name.into() }
}

fn service(vip: &str, endpoints: &[&str]) -> Service {
    let endpoints = endpoints.iter().map(|address| Endpoint { address: address.parse().unwrap(), port: 8080 });
    let port =
        Port { name: "http".into(), protocol: Protocol::Tcp, port: 80, node_port: 0, endpoints: endpoints.collect() };
    Service { cluster_ip: Some(vip.parse().unwrap()), affinity_seconds: 0, ports: vec![port] }
}

fn check(rules: &mut Rules, changed: &[(&str, Option<Service>)], expect: Expect) -> Transaction {
    let names: Vec<ServiceName> = changed.iter().map(|(text, _)| name(text)).collect();
    let changed = names.iter().zip(changed.iter().map(|(_, service)| service.as_ref()));
    let transaction = rules.update(changed);
    expect.assert_eq(&transaction.script());
    transaction
}

#[test]
fn a_service_is_elements_and_a_chain_that_is_made_once() {
    let mut rules = rules();
    let web = service("10.43.0.10", &["10.42.1.2", "10.42.2.2"]);
    check(
        &mut rules,
        &[("web", Some(web.clone()))],
        expect![[r#"
            add chain ip xebec vip-2
            add rule ip xebec vip-2 meta mark set numgen random mod 2 offset 0x78620000 dnat ip to ip daddr . meta l4proto . th dport . meta mark map @endpoints
            add element ip xebec endpoints { 10.43.0.10 . tcp . 80 . 0x78620000 : 10.42.1.2 . 8080, 10.43.0.10 . tcp . 80 . 0x78620001 : 10.42.2.2 . 8080 }
            add element ip xebec hairpin { 10.42.1.2 . 10.42.1.2 }
            add element ip xebec services { 10.43.0.10 . tcp . 80 : goto vip-2 }
        "#]],
    );
    check(
        &mut rules,
        &[("api", Some(service("10.43.0.11", &["10.42.2.3", "10.42.2.4"])))],
        expect![[r#"
            add element ip xebec endpoints { 10.43.0.11 . tcp . 80 . 0x78620000 : 10.42.2.3 . 8080, 10.43.0.11 . tcp . 80 . 0x78620001 : 10.42.2.4 . 8080 }
            add element ip xebec services { 10.43.0.11 . tcp . 80 : goto vip-2 }
        "#]],
    );
    check(&mut rules, &[("web", Some(web))], expect![""]);
}

#[test]
fn an_endpoint_that_goes_leaves_its_place_to_the_last() {
    let mut rules = rules();
    let names = ["10.42.2.2", "10.42.2.3", "10.42.2.4"];
    rules.update([(&name("web"), Some(&service("10.43.0.10", &names)))]);
    check(
        &mut rules,
        &[("web", Some(service("10.43.0.10", &["10.42.2.3", "10.42.2.4"])))],
        expect![[r#"
            add chain ip xebec vip-2
            add rule ip xebec vip-2 meta mark set numgen random mod 2 offset 0x78620000 dnat ip to ip daddr . meta l4proto . th dport . meta mark map @endpoints
            delete element ip xebec endpoints { 10.43.0.10 . tcp . 80 . 0x78620000, 10.43.0.10 . tcp . 80 . 0x78620002 }
            delete element ip xebec services { 10.43.0.10 . tcp . 80 }
            add element ip xebec endpoints { 10.43.0.10 . tcp . 80 . 0x78620000 : 10.42.2.4 . 8080 }
            add element ip xebec services { 10.43.0.10 . tcp . 80 : goto vip-2 }
        "#]],
    );
}

#[test]
fn without_endpoints_nothing_is_left_but_the_rejected_node_port() {
    let mut rules = rules();
    let mut web = service("10.43.0.10", &["10.42.1.2"]);
    web.ports[0].node_port = 30080;
    rules.update([(&name("web"), Some(&web))]);
    web.ports[0].endpoints.clear();
    check(
        &mut rules,
        &[("web", Some(web))],
        expect![[r#"
            delete element ip xebec endpoints { 10.43.0.10 . tcp . 80 . 0x78620000 }
            delete element ip xebec hairpin { 10.42.1.2 . 10.42.1.2 }
            delete element ip xebec node-endpoints { tcp . 30080 . 0x78620000 }
            delete element ip xebec node-ports { tcp . 30080 }
            delete element ip xebec services { 10.43.0.10 . tcp . 80 }
            add element ip xebec rejected-ports { tcp . 30080 }
        "#]],
    );
    check(
        &mut rules,
        &[("web", None)],
        expect![[r#"
            delete element ip xebec rejected-ports { tcp . 30080 }
        "#]],
    );
    assert_eq!(rules.names().count(), 0);
}

#[test]
fn affinity_has_chains_of_its_own() {
    let mut rules = rules();
    let mut web = service("10.43.0.10", &["10.42.2.2", "10.42.2.3"]);
    web.affinity_seconds = 10_800;
    check(
        &mut rules,
        &[("web", Some(web))],
        expect![[r#"
            add chain ip xebec vip-2-sticky-10800
            add rule ip xebec vip-2-sticky-10800 meta mark set 0
            add rule ip xebec vip-2-sticky-10800 meta mark set ip saddr . ip daddr . meta l4proto . th dport map @affinity
            add rule ip xebec vip-2-sticky-10800 meta mark 0x78620000-0x78620001 update @affinity { ip saddr . ip daddr . meta l4proto . th dport timeout 10800s : meta mark } dnat ip to ip daddr . meta l4proto . th dport . meta mark map @endpoints
            add rule ip xebec vip-2-sticky-10800 meta mark set numgen random mod 2 offset 0x78620000
            add rule ip xebec vip-2-sticky-10800 update @affinity { ip saddr . ip daddr . meta l4proto . th dport timeout 10800s : meta mark } dnat ip to ip daddr . meta l4proto . th dport . meta mark map @endpoints
            add element ip xebec endpoints { 10.43.0.10 . tcp . 80 . 0x78620000 : 10.42.2.2 . 8080, 10.43.0.10 . tcp . 80 . 0x78620001 : 10.42.2.3 . 8080 }
            add element ip xebec services { 10.43.0.10 . tcp . 80 : goto vip-2-sticky-10800 }
        "#]],
    );
}

#[test]
fn an_address_that_moves_between_services_in_one_transaction_is_left_alone() {
    let mut rules = rules();
    let web = service("10.43.0.10", &["10.42.1.2"]);
    rules.update([(&name("old"), Some(&web))]);
    check(&mut rules, &[("old", None), ("new", Some(web))], expect![""]);
}

#[test]
fn udp_endpoints_that_go_are_named() {
    let mut rules = rules();
    let mut dns = service("10.43.0.10", &["10.42.2.2", "10.42.2.3"]);
    dns.ports[0].protocol = Protocol::Udp;
    rules.update([(&name("dns"), Some(&dns))]);
    let gone = dns.ports[0].endpoints.remove(0);
    let transaction = rules.update([(&name("dns"), Some(&dns))]);
    assert_eq!(transaction.stale_udp, BTreeSet::from([Removed { endpoint: gone }]));
}

#[test]
fn the_whole_table_holds_everything() {
    let mut rules = rules();
    rules.update([(&name("web"), Some(&service("10.43.0.10", &["10.42.1.2"])))]);
    let whole = rules.whole();
    assert!(whole.starts_with("table ip xebec\ndelete table ip xebec\ntable ip xebec {\n"));
    for part in ["add chain ip xebec vip-1\n", "services { 10.43.0.10", "hairpin { 10.42.1.2", "endpoints { 10.43.0.10"]
    {
        assert!(whole.contains(part), "{part}");
    }
}
