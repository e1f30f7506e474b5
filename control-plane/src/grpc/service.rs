//! The methods of the service.

use std::sync::Arc;

use tonic::{Request, Response, Streaming};
use xebec_api::{Catalogue, Status, Subresource, decode};
use xebec_proto::v1::objects_server::Objects;
use xebec_proto::v1::{
    CreateRequest, DeleteRequest, DeleteResponse, ExecInput, ExecOutput, GetRequest, KindsRequest, KindsResponse,
    ListChunk, ListRequest, LogChunk, LogsRequest, Object, PatchRequest, PortForwardInput, PortForwardOutput,
    Representation, UpdateRequest, WatchEvent, WatchRequest, patch_request,
};

use super::{Answers, ObjectsService, context, context_of, convert, list, refuse};
use crate::registry::{DeleteOptions, Deleted, RequestContext};

/// An answer, or a refusal.
type Answer<T> = Result<Response<T>, tonic::Status>;

fn answer<T>(result: Result<T, Status>) -> Answer<T> {
    result.map(Response::new).map_err(refuse)
}

#[tonic::async_trait]
impl Objects for ObjectsService {
    type ListStream = Answers<ListChunk>;
    type WatchStream = Answers<WatchEvent>;
    type LogsStream = Answers<LogChunk>;
    type ExecStream = Answers<ExecOutput>;
    type PortForwardStream = Answers<PortForwardOutput>;

    async fn kinds(&self, request: Request<KindsRequest>) -> Answer<KindsResponse> {
        answer(context(&request).and_then(|cx| self.all_kinds(&cx)))
    }

    async fn get(&self, request: Request<GetRequest>) -> Answer<Object> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.read(&cx, request.get_ref()).await)
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<Self::ListStream> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.list_chunks(&cx, request.get_ref()).await)
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Answer<Self::WatchStream> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.watch_events(&cx, request.get_ref()).await)
    }

    async fn create(&self, request: Request<CreateRequest>) -> Answer<Object> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.write_new(&cx, request.get_ref()).await)
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Answer<Object> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.replace(&cx, request.get_ref()).await)
    }

    async fn patch(&self, request: Request<PatchRequest>) -> Answer<Object> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.change(&cx, request.get_ref()).await)
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Answer<DeleteResponse> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.remove(&cx, request.get_ref()).await)
    }

    async fn logs(&self, request: Request<LogsRequest>) -> Answer<Self::LogsStream> {
        let cx = context_of(&request).map_err(refuse)?;
        answer(self.log_chunks(&cx, request.get_ref()).await)
    }

    async fn exec(&self, request: Request<Streaming<ExecInput>>) -> Answer<Self::ExecStream> {
        let cx = context(&request).map_err(refuse)?;
        answer(self.run(&cx, Box::pin(request.into_inner())).await)
    }

    async fn port_forward(&self, request: Request<Streaming<PortForwardInput>>) -> Answer<Self::PortForwardStream> {
        let cx = context(&request).map_err(refuse)?;
        answer(self.forward(&cx, Box::pin(request.into_inner())).await)
    }
}

impl ObjectsService {
    /// The kinds that there are now.
    pub(super) fn kinds_now(&self) -> Arc<Catalogue> {
        self.registry.cache().catalogue()
    }

    fn all_kinds(&self, cx: &RequestContext) -> Result<KindsResponse, Status> {
        self.registry.authorize_path(cx, "get", "/apis")?;
        Ok(KindsResponse { kinds: self.kinds_now().kinds().map(convert::kind_row).collect() })
    }

    async fn read(&self, cx: &RequestContext, request: &GetRequest) -> Result<Object, Status> {
        let target = convert::target(&self.kinds_now(), request.target.as_ref(), false)?;
        let freshness = convert::freshness(&request.resource_version)?;
        let stored = self.registry.get_fresh(cx, &target, freshness).await?;
        if request.representation() != Representation::Table {
            return Ok(convert::object(&stored));
        }
        let revision = stored.revision;
        Ok(Object { revision, json: list::rows(target.kind, &[stored], self.registry.now()) })
    }

    async fn write_new(&self, cx: &RequestContext, request: &CreateRequest) -> Result<Object, Status> {
        let target = convert::target(&self.kinds_now(), request.target.as_ref(), true)?;
        let options = convert::write(request.options.as_ref())?;
        let body = decode::json_or_yaml(&request.json)?;
        let stored = self.registry.create(cx, &target, body, &options).await?;
        // Who may bind or evict a pod need not be able to read it.
        Ok(match target.subresource {
            Some(Subresource::Binding | Subresource::Eviction) => convert::success(target.kind, &stored),
            _ => convert::object(&stored),
        })
    }

    async fn replace(&self, cx: &RequestContext, request: &UpdateRequest) -> Result<Object, Status> {
        let target = convert::target(&self.kinds_now(), request.target.as_ref(), false)?;
        let options = convert::write(request.options.as_ref())?;
        let body = decode::json_or_yaml(&request.json)?;
        self.registry.update(cx, &target, body, &options).await.map(|stored| convert::object(&stored))
    }

    async fn change(&self, cx: &RequestContext, request: &PatchRequest) -> Result<Object, Status> {
        let target = convert::target(&self.kinds_now(), request.target.as_ref(), false)?;
        let options = convert::write(request.options.as_ref())?;
        if request.r#type() == patch_request::Type::Apply {
            let configuration = convert::configuration(request)?;
            let applied = self.registry.apply(cx, &target, &configuration, &options).await?;
            return Ok(convert::object(&applied.stored));
        }
        let patch = convert::patch(request)?;
        self.registry.patch(cx, &target, &patch, &options).await.map(|stored| convert::object(&stored))
    }

    async fn remove(&self, cx: &RequestContext, request: &DeleteRequest) -> Result<DeleteResponse, Status> {
        let target = convert::target(&self.kinds_now(), request.target.as_ref(), false)?;
        let options = match request.options_json.is_empty() {
            true => DeleteOptions::default(),
            false => DeleteOptions::from_json(&decode::json(&request.options_json)?)?,
        };
        let json = match self.registry.delete(cx, &target, &options).await? {
            Deleted::Terminating(stored) => stored.to_json(),
            Deleted::Removed(stored) => stored.success(target.kind).to_string().into(),
        };
        Ok(DeleteResponse { json })
    }
}
