//! Who is given what.

use rcgen::KeyPair;
use xebec_proto::join::{Applicant, signing_request};
use xebec_proto::tls;

use super::*;
use crate::authn::certificate::ClientCertificate;
use crate::pki::directory::MasterNames;

fn admitter() -> (tempfile::TempDir, Admitter) {
    let dir = tempfile::tempdir().unwrap();
    let names = MasterNames { name: "m1".into(), serving: vec!["m1".into()], peer: vec!["m1".into()] };
    let pki = Pki::create(dir.path(), "c1", &names, Timestamp::now()).unwrap();
    (dir, Admitter::new(Arc::new(pki)))
}

fn facts() -> ClusterFacts {
    ClusterFacts {
        cluster_id: "c1".into(),
        cluster_cidr: "10.42.0.0/16".into(),
        service_cidr: "10.43.0.0/16".into(),
        masters: vec!["m1:6443".into()],
        shared_names: vec!["kubernetes".into()],
        supersedes: Vec::new(),
        name_taken: false,
    }
}

fn request(role: TokenRole, name: &str) -> JoinRequest {
    let applicant = Applicant { role: role.to_wire(), name: name.into(), addresses: vec!["10.0.0.9".into()] };
    let csr = || signing_request(&KeyPair::generate().unwrap(), &applicant).unwrap();
    JoinRequest {
        name: name.into(),
        client_csr: csr(),
        serving_csr: csr(),
        peer_csr: csr(),
        addresses: applicant.addresses.clone(),
        ..JoinRequest::default()
    }
}

#[test]
fn an_agent_gets_its_own_name_and_no_key() {
    let (_dir, admitter) = admitter();
    let given = admitter.admit(TokenRole::Agent, &request(TokenRole::Agent, "n1"), &facts(), Timestamp::now()).unwrap();
    let leaf = &tls::certificates(given.client_certificate.as_bytes()).unwrap()[0];
    assert_eq!(ClientCertificate::read(leaf).unwrap().user.node_name(), Some("n1"));
    let withheld = [
        given.serving_certificate,
        given.peer_certificate,
        given.serving_ca_key,
        given.client_ca_key,
        given.peer_ca_key,
        given.front_proxy_ca_key,
        given.service_account_key,
    ];
    assert!(withheld.iter().all(String::is_empty));
}

#[test]
fn a_server_gets_the_authorities() {
    let (_dir, admitter) = admitter();
    let given =
        admitter.admit(TokenRole::Server, &request(TokenRole::Server, "m2"), &facts(), Timestamp::now()).unwrap();
    let leaf = &tls::certificates(given.client_certificate.as_bytes()).unwrap()[0];
    let user = ClientCertificate::read(leaf).unwrap().user;
    assert_eq!(user.name, "system:master:m2");
    assert!(!user.in_group("system:masters"));
    assert!(Authority::from_pem(&given.client_ca, &given.client_ca_key).is_ok());
    assert!(tls::certificates(given.serving_certificate.as_bytes()).is_ok());
}

#[test]
fn a_token_of_one_role_signs_nothing_of_the_other() {
    let (_dir, admitter) = admitter();
    let asked = request(TokenRole::Server, "m2");
    let refused = admitter.admit(TokenRole::Agent, &asked, &facts(), Timestamp::now());
    assert!(matches!(refused, Err(AdmitError::Request { purpose: "client", source: RequestError::Subject { .. } })));
}

#[test]
fn a_name_that_is_taken_or_no_name_is_refused() {
    let (_dir, admitter) = admitter();
    let taken = ClusterFacts { name_taken: true, ..facts() };
    let asked = request(TokenRole::Agent, "n1");
    assert!(matches!(
        admitter.admit(TokenRole::Agent, &asked, &taken, Timestamp::now()),
        Err(AdmitError::Taken { .. })
    ));
    for name in ["", "N1", "a_b", "-a", "a..b", "a/b", "system:x"] {
        let asked = request(TokenRole::Agent, name);
        let refused = admitter.admit(TokenRole::Agent, &asked, &facts(), Timestamp::now());
        assert!(matches!(refused, Err(AdmitError::Name { .. })), "{name}");
    }
}
