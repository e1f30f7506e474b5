//! Requests for certificates, from the question to the certificate, over a registry in memory.

use base64::Engine;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use xebec_proto::tls;

use super::*;
use crate::authn::certificate::ClientCertificate;
use crate::pki::directory::MasterNames;
use crate::registry::testing::{AllButNobody, Fixture, cx, target};

struct Office {
    fixture: Fixture,
    _leadership: watch::Sender<Leadership>,
    _data: tempfile::TempDir,
    shutdown: CancellationToken,
}

impl Office {
    async fn open() -> Self {
        let fixture = Fixture::new().await;
        let data = tempfile::tempdir().unwrap();
        let names = MasterNames { name: "m1".into(), serving: Vec::new(), peer: Vec::new() };
        let pki = Arc::new(Pki::create(data.path(), "c1", &names, Timestamp::now()).unwrap());
        let (leads, leadership) = watch::channel(Leadership { leader: Some(1), term: 1, is_leader: true });
        let shutdown = CancellationToken::new();
        let signer = CertificateSigner {
            registry: fixture.registry.clone(),
            authorizer: Arc::new(AllButNobody),
            pki,
            names: Names::new(fixture.store.clone()),
            leadership,
        };
        tokio::spawn(signer.run(shutdown.clone()));
        Self { fixture, _leadership: leads, _data: data, shutdown }
    }

    async fn ask(&self, name: &str, signer: &str, common_name: &str, organization: &str) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.distinguished_name.push(DnType::CommonName, common_name);
        let pem = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let request = base64::engine::general_purpose::STANDARD.encode(pem);
        let usages = ["client auth", "digital signature"];
        let spec = json!({"request": request, "signerName": format!("kubernetes.io/{signer}"), "usages": usages});
        let target = target("certificatesigningrequests", None, name);
        self.fixture.create(&target, json!({ "spec": spec })).await.unwrap();
    }

    async fn approve(&self, name: &str) {
        let condition = json!({"type": "Approved", "status": "True", "reason": "x", "message": "y"});
        let body = json!({"status": {"conditions": [condition]}});
        let target = target("certificatesigningrequests", None, name).subresource(Subresource::Approval);
        let patch = Patch { kind: PatchKind::Merge, body };
        self.fixture.registry.patch(&cx(), &target, &patch, &WriteOptions::default()).await.unwrap();
    }

    /// Waits for the status that is wanted.
    async fn until(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let kind = xebec_api::find(GROUP, "v1", "certificatesigningrequests").unwrap();
        let mut revisions = self.fixture.cache.revisions();
        let now = || self.fixture.cache.get(kind, None, name).unwrap().to_value();
        let found = async {
            while !wanted(&now()) {
                revisions.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("the request is dealt with in time");
        now()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn certificate(request: &Value) -> Option<ClientCertificate> {
    let encoded = request["status"]["certificate"].as_str()?;
    let pem = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    Some(ClientCertificate::read(&tls::certificates(&pem).unwrap()[0]).unwrap())
}

#[tokio::test]
async fn what_is_approved_is_signed_and_says_who_asked() {
    let office = Office::open().await;
    office.ask("dev", "kube-apiserver-client", "dev", "team").await;
    office.approve("dev").await;
    let request = office.until("dev", |request| certificate(request).is_some()).await;
    let user = certificate(&request).unwrap().user;
    assert_eq!((user.name.as_str(), user.in_group("team")), ("dev", true));
    assert_eq!(request["spec"]["username"], "jane");
}

#[tokio::test]
async fn a_nodes_name_goes_to_one_key() {
    let office = Office::open().await;
    office.ask("n1", "kube-apiserver-client-kubelet", "system:node:n1", "system:nodes").await;
    let request = office.until("n1", |request| certificate(request).is_some()).await;
    assert_eq!(request["status"]["conditions"][0]["reason"], "AutoApproved");
    let known = crate::authn::credentials::standing(
        &crate::registry::Backend::state(office.fixture.store.as_ref()),
        &certificate(&request).unwrap(),
    );
    assert_eq!(known, crate::authn::credentials::Standing::Good);
    office.ask("thief", "kube-apiserver-client-kubelet", "system:node:n1", "system:nodes").await;
    let refused = office.until("thief", |request| request["status"]["conditions"][1]["type"] == "Failed").await;
    assert_eq!(refused["status"]["conditions"][1]["reason"], "SignerValidationFailure");
    assert!(certificate(&refused).is_none());
}

#[tokio::test]
async fn who_says_what_nodes_are_called_twice_takes_no_other_nodes_name() {
    let office = Office::open().await;
    office.ask("odd", "kube-apiserver-client-kubelet", "system:node:system:node:n1", "system:nodes").await;
    office.until("odd", |request| certificate(request).is_some()).await;
    office.ask("n1", "kube-apiserver-client-kubelet", "system:node:n1", "system:nodes").await;
    let dealt_with = |request: &Value| request["status"]["conditions"][1].is_object() || certificate(request).is_some();
    let request = office.until("n1", dealt_with).await;
    assert!(certificate(&request).is_some(), "{request}");
}

#[tokio::test]
async fn what_no_signer_signs_fails() {
    let office = Office::open().await;
    office.ask("bad", "kube-apiserver-client-kubelet", "jane", "system:nodes").await;
    office.approve("bad").await;
    let refused = office.until("bad", |request| request["status"]["conditions"][1]["type"] == "Failed").await;
    assert!(refused["status"]["conditions"][1]["message"].as_str().unwrap().contains("system:node:<name>"));
}
