//! Changes: asked of the engine as events, once each, and answered with its verdict.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::body::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::Ask;
use crate::api::auth::{Authorized, Role};
use crate::api::doors::{OperatorCall, OperatorDoorError};
use crate::api::problem::{ApiError, Code};
use crate::api::replays::{Answer, Digest, Known, ReplayKey};
use crate::api::reply::{Reply, X_REQUEST_ID};
use crate::api::shown::{ChangeVerdict, ChangeView, ReplayView};
use crate::domain::{OperatorEvent, OperatorRequest, Verdict};
use crate::redact::holds_secret;

impl Ask<'_> {
    /// Asks the engine, unless the same was asked before under the same request id: then gives the answer to that.
    pub(super) async fn change<R: Role>(
        &self,
        who: &Authorized<R>,
        request: OperatorRequest,
    ) -> Result<Reply, ApiError> {
        let event = OperatorEvent { by: who.by(), request };
        let Some(id) = self.id else {
            if self.parts.headers.contains_key(X_REQUEST_ID) {
                // Whoever names a change means to repeat it if need be, and would have it done twice.
                return Err(ApiError::of(Code::BadRequestId));
            }
            let (sender, answer) = watch::channel(Answer::Waiting);
            self.ask(event, sender)?;
            return self.verdict(answer, false).await;
        };
        let key: ReplayKey = (Arc::from(self.caller.name()), id.into());
        let digest = self.digest(&event);
        let known = self.server.replays().begin(key.clone(), digest, (self.server.doors.now)());
        match known {
            Known::Before(answer) => self.verdict(answer, true).await,
            Known::Other => Err(ApiError::of(Code::RequestIdReused)),
            Known::New(sender) => {
                let answer = sender.subscribe();
                if let Err(error) = self.ask(event, sender) {
                    self.server.replays().forget(&key);
                    return Err(error);
                }
                self.verdict(answer, false).await
            }
        }
    }

    /// Hands the event to the engine; the answer goes to `sender` even when nobody waits for it any more.
    fn ask(&self, event: OperatorEvent, sender: watch::Sender<Answer>) -> Result<(), ApiError> {
        if let Some(code) = names_a_secret(&event.request) {
            return Err(ApiError::of(code));
        }
        let places = self.route.reserve().map_or(&self.server.changes, |reserve| self.server.reserved.of(reserve));
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| ApiError::of(Code::EngineBusy))?;
        let (reply, verdict) = oneshot::channel();
        (self.server.doors.operator)(OperatorCall { event, reply }).map_err(|error| match error {
            OperatorDoorError::Full => ApiError::of(Code::EngineBusy),
            OperatorDoorError::Closed => ApiError::of(Code::EngineGone),
        })?;
        tokio::spawn(async move {
            let answer = verdict.await.map_or(Answer::Lost, Answer::Given);
            sender.send_replace(answer);
            drop(place);
        });
        Ok(())
    }

    async fn verdict(&self, mut answer: watch::Receiver<Answer>, replayed: bool) -> Result<Reply, ApiError> {
        let given = answer.wait_for(|answer| *answer != Answer::Waiting);
        let answer = match timeout(self.server.settings.answer_timeout, given).await {
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) | Err(_) => Answer::Lost,
        };
        let verdict = match answer {
            Answer::Given(Ok(Verdict::Done)) => ChangeVerdict::Done,
            Answer::Given(Ok(Verdict::Already)) => ChangeVerdict::Already,
            Answer::Given(Ok(Verdict::UnknownOrder)) => return Err(ApiError::of(Code::UnknownOrder)),
            Answer::Given(Ok(Verdict::UnknownStrategy)) => return Err(ApiError::of(Code::UnknownStrategy)),
            Answer::Given(Ok(Verdict::NoPosition)) => return Err(ApiError::of(Code::NoPosition)),
            Answer::Given(Ok(Verdict::Refused(objection))) => {
                return Err(ApiError::say(Code::Refused, objection.to_string()));
            }
            Answer::Given(Err(error)) => return Err(ApiError::say(Code::Refused, error.to_string())),
            Answer::Waiting | Answer::Lost => return Err(ApiError::of(Code::Unanswered)),
        };
        if !replayed {
            return Ok(Reply::json(self.success(), &ChangeView { verdict, replay: None }));
        }
        let snapshot = Arc::clone(&self.server.doors.snapshot.borrow());
        let halt = snapshot.halt.as_ref();
        let replay = ReplayView { replayed, trading: halt.is_none(), halt: halt.map(Cow::Borrowed) };
        let body = serde_json::to_vec(&ChangeView { verdict, replay: Some(replay) });
        Ok(Reply::Replayed(self.success(), Bytes::from(body.expect("words and a halt have a JSON form"))))
    }

    fn digest(&self, event: &OperatorEvent) -> Digest {
        let event = serde_json::to_vec(event).expect("an operator's event has a JSON form");
        Sha256::digest(event).into()
    }
}

/// The answer to a request whose name holds a secret of this process. What the engine is asked is kept in the journal of
/// inputs, and nothing that runs is named so: the answer is the one to every name of nothing.
fn names_a_secret(request: &OperatorRequest) -> Option<Code> {
    let (name, code) = match request {
        OperatorRequest::Pause { strategy } | OperatorRequest::Unpause { strategy } => {
            (strategy.to_string(), Code::UnknownStrategy)
        }
        OperatorRequest::Close { instrument } => (instrument.to_string(), Code::NoPosition),
        OperatorRequest::Halt { .. }
        | OperatorRequest::Resume { .. }
        | OperatorRequest::Cancel { .. }
        | OperatorRequest::Flatten { .. } => return None,
    };
    holds_secret(&name).then_some(code)
}
