//! Requests, held against the rules of their signers.

use rcgen::{KeyPair, PKCS_ED25519};
use xebec_proto::tls;

use super::super::Authority;
use super::*;
use crate::authn::certificate::ClientCertificate;

const CLIENT: [&str; 2] = ["client auth", "digital signature"];
const SERVER: [&str; 3] = ["server auth", "digital signature", "key encipherment"];

fn request(common_name: &str, organizations: &[&str], names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let mut attribute = DnType::OrganizationName;
    for group in organizations {
        params.distinguished_name.push(std::mem::replace(&mut attribute, organization_again()), *group);
    }
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serialize_request(&KeyPair::generate_for(&PKCS_ED25519).unwrap()).unwrap().pem().unwrap()
}

/// rcgen keeps one value of each attribute; this is the same attribute under its number.
fn organization_again() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 10])
}

fn sign(signer: Signer, request: &str, usages: &[&str], seconds: Option<i64>) -> Result<Signable, SigningError> {
    let usages: Vec<String> = usages.iter().map(|usage| (*usage).to_owned()).collect();
    let asked = Asked {
        signer,
        request: request.as_bytes(),
        usages: &usages,
        username: "system:node:n1",
        expiration_seconds: seconds,
    };
    check(&asked, Timestamp::now())
}

fn refused(signer: Signer, request: &str, usages: &[&str]) -> SigningError {
    sign(signer, request, usages, None).map(|_| ()).unwrap_err()
}

#[test]
fn a_caller_gets_a_certificate_in_the_name_that_was_asked_for() {
    let authority = Authority::create("client", Timestamp::now()).unwrap();
    let signable = sign(Signer::Client, &request("jane", &["dev"], &[]), &CLIENT, Some(3600)).unwrap();
    let chain = authority.sign_request(&signable).unwrap();
    let certificate = ClientCertificate::read(&tls::certificates(chain.as_bytes()).unwrap()[0]).unwrap();
    assert_eq!(certificate.user.name, "jane");
    assert_eq!(certificate.user.groups, ["dev", "system:authenticated"]);
    assert_eq!(certificate.key, signable.key_hash);
    let life = certificate.not_after.duration_since(Timestamp::now());
    assert!((3500..=3600).contains(&life.as_secs()), "{life}");
}

#[test]
fn nobody_becomes_a_master_by_asking() {
    let masters = request("jane", &["system:masters"], &[]);
    assert!(matches!(refused(Signer::Client, &masters, &CLIENT), SigningError::Subject(_)));
    assert_eq!(subject(masters.as_bytes()).unwrap().organizations, ["system:masters"]);
}

#[test]
fn no_group_is_dropped_in_silence() {
    let two = request("jane", &["dev", "system:masters"], &[]);
    assert_eq!(subject(two.as_bytes()).unwrap().organizations, ["dev", "system:masters"]);
    let two = request("jane", &["dev", "ops"], &[]);
    assert!(matches!(refused(Signer::Client, &two, &CLIENT), SigningError::Subject(_)));
}

#[test]
fn a_node_asks_as_a_node_and_for_nothing_else() {
    let node = |names: &[&str]| request("system:node:n1", &["system:nodes"], names);
    assert!(sign(Signer::KubeletClient, &node(&[]), &CLIENT, None).is_ok());
    assert!(sign(Signer::KubeletServing, &node(&["n1", "10.0.0.1"]), &SERVER, None).is_ok());
    assert!(matches!(refused(Signer::KubeletClient, &node(&["n1"]), &CLIENT), SigningError::Names(_)));
    assert!(matches!(refused(Signer::KubeletServing, &node(&[]), &SERVER), SigningError::Names(_)));
    assert!(matches!(refused(Signer::KubeletClient, &node(&[]), &SERVER), SigningError::Usages(_)));
    for (name, groups) in [("n1", &["system:nodes"][..]), ("system:node:n1", &["system:nodes", "dev"])] {
        assert!(matches!(
            refused(Signer::KubeletClient, &request(name, groups, &[]), &CLIENT),
            SigningError::Subject(_)
        ));
    }
    let other = request("system:node:n2", &["system:nodes"], &["n2"]);
    assert!(matches!(refused(Signer::KubeletServing, &other, &SERVER), SigningError::Subject(_)));
}

#[test]
fn what_is_no_request_is_refused() {
    for text in ["", "jane", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
        assert_eq!(refused(Signer::Client, text, &CLIENT), SigningError::Unreadable);
    }
    assert!(matches!(refused(Signer::Client, &request("jane", &[], &[]), &["any"]), SigningError::Usages(_)));
}

#[test]
fn signers_are_known_by_name() {
    assert_eq!(Signer::parse("kubernetes.io/kube-apiserver-client"), Some(Signer::Client));
    assert_eq!(Signer::parse("kubernetes.io/legacy-unknown"), None);
    assert_eq!(Signer::parse("example.com/kubelet-serving"), None);
}
