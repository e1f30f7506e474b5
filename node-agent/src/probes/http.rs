//! HTTP probes: an answer from 200 to 399 is a success.
//!
//! Over TLS no certificate is checked, as Kubernetes defines it: the question is whether the server answers, and a server's
//! certificate is seldom for its pod's address.

use std::sync::Arc;

use http::{Request, Uri};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::HTTPGetAction;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{ProbeError, tcp};

pub(super) async fn get(host: &str, port: u16, action: &HTTPGetAction) -> Result<(), ProbeError> {
    let path = action.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let secure = action.scheme.as_deref() == Some("HTTPS");
    let url = format!("{}://{host}:{port}{path}", if secure { "https" } else { "http" });
    let request = request(&url, host, port, &path, action)?;
    let stream = tcp::connect(host, port).await?;
    let status = if secure {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&url, error))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls().map_err(|error| failed(&url, error))?));
        let stream = connector.connect(name, stream).await.map_err(|error| failed(&url, error))?;
        ask(stream, request, &url).await?
    } else {
        ask(stream, request, &url).await?
    };
    if (200..400).contains(&status) { Ok(()) } else { Err(ProbeError::Status(status)) }
}

fn request(
    url: &str,
    host: &str,
    port: u16,
    path: &str,
    action: &HTTPGetAction,
) -> Result<Request<Empty<bytes::Bytes>>, ProbeError> {
    let uri: Uri = path.parse().map_err(|error| failed(url, error))?;
    let mut builder = Request::get(uri).header("user-agent", "xebec-probe").header("accept", "*/*");
    let headers = action.http_headers.as_deref().unwrap_or_default();
    if !headers.iter().any(|header| header.name.eq_ignore_ascii_case("host")) {
        builder = builder.header("host", format!("{host}:{port}"));
    }
    for header in headers {
        builder = builder.header(&header.name, &header.value);
    }
    builder.body(Empty::new()).map_err(|error| failed(url, error))
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Empty<bytes::Bytes>>,
    url: &str,
) -> Result<u16, ProbeError> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failed(url, error))?;
    let connection = async { connection.await.map_err(|error| failed(url, error)) };
    let answer = async { sender.send_request(request).await.map_err(|error| failed(url, error)) };
    tokio::pin!(connection, answer);
    tokio::select! {
        answer = &mut answer => answer.map(|answer| answer.status().as_u16()),
        ended = &mut connection => {
            ended?;
            answer.await.map(|answer| answer.status().as_u16())
        }
    }
}

fn failed(url: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProbeError {
    ProbeError::Http { url: url.to_owned(), source: error.into() }
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer)).with_no_client_auth())
}

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn check(answer: &'static str, expect: Result<(), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..count].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let action = HTTPGetAction {
            path: Some("/healthz".into()),
            port: IntOrString::Int(i32::from(port)),
            ..HTTPGetAction::default()
        };
        let found = get("127.0.0.1", port, &action).await.map_err(|error| error.to_string());
        assert_eq!(found, expect.map_err(str::to_owned));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn answers_up_to_399_are_successes() {
        check("HTTP/1.1 204 No Content\r\n\r\n", Ok(())).await;
        check("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", Ok(())).await;
        let failure = Err("HTTP probe failed with statuscode: 503");
        check("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", failure).await;
    }
}
