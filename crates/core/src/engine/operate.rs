//! An operator's request: judged here and nowhere else. Whoever carries it passes on what is answered.

use tradingbot_domain::{
    AmountError, Entry, ExitReason, InstrumentId, Objection, OperatorEvent, OperatorRequest, Verdict,
};

use super::index::DeskIdx;
use super::moment::Moment;
use super::trader::Trader;
use super::{Command, Notice};

/// Does what an operator asks for, and answers.
///
/// # Errors
///
/// [`AmountError`], once that was answered too.
pub fn operate(
    trader: &mut Trader,
    at: Moment<'_>,
    event: &OperatorEvent,
    out: &mut Vec<Command>,
) -> Result<(), AmountError> {
    let judged = judge(trader, at, &event.by, &event.request, out);
    let verdict = match &judged {
        Ok(verdict) => verdict.clone(),
        Err(AmountError::Overflow | AmountError::DivisionByZero) => Verdict::Refused(Objection::Overflow),
    };
    out.push(Command::Answer(verdict));
    judged.map(drop)
}

fn judge(
    trader: &mut Trader,
    at: Moment<'_>,
    by: &str,
    request: &OperatorRequest,
    out: &mut Vec<Command>,
) -> Result<Verdict, AmountError> {
    Ok(match request {
        OperatorRequest::Halt { reason } if trader.execution_mut().halt(at.now, by, reason, out) => Verdict::Done,
        OperatorRequest::Halt { .. } => Verdict::Already,
        OperatorRequest::Resume { reason } => {
            let verdict = trader.execution_mut().resume(by, reason, out);
            if verdict == Verdict::Done {
                trader.desks_mut().forget_pauses();
            }
            verdict
        }
        OperatorRequest::Cancel { id } => trader.execution_mut().cancel(*id, by, out),
        OperatorRequest::Close { instrument } => {
            let instrument = at.roster.meant_by(*instrument);
            flatten(trader, at, by, Some(instrument), ExitReason::Operator, out)?
        }
        OperatorRequest::Flatten { reason } => flatten(trader, at, by, None, *reason, out)?,
        OperatorRequest::Pause { strategy } => trader.desks_mut().pause(at.roster, by, *strategy, true, out),
        OperatorRequest::Unpause { strategy } => trader.desks_mut().pause(at.roster, by, *strategy, false, out),
    })
}

/// Leaves what is held of `instrument`, or of everything, and ends entries of it that are on their way.
fn flatten(
    trader: &mut Trader,
    at: Moment<'_>,
    by: &str,
    instrument: Option<InstrumentId>,
    reason: ExitReason,
    out: &mut Vec<Command>,
) -> Result<Verdict, AmountError> {
    let is_asked = |desk: &DeskIdx| instrument.is_none_or(|instrument| at.roster.rules_of(*desk).id == instrument);
    let open: Vec<DeskIdx> =
        at.roster.desks().filter(|desk| is_asked(desk) && !trader.has_nothing_to_leave(*desk)).collect();
    if open.is_empty() {
        return Ok(if instrument.is_some() { Verdict::NoPosition } else { Verdict::Already });
    }
    if trader.execution().halted().is_some() {
        return Ok(Verdict::Refused(Objection::Halted));
    }
    if open.iter().all(|desk| trader.desks().at(*desk).is_being_left(reason)) {
        return Ok(Verdict::Already);
    }
    out.push(Command::Record(Entry::CloseAsked { by: by.to_owned(), symbol: instrument }));
    let asked = out.len();
    for desk in open {
        trader.plan_exit(at, desk, reason, out)?;
    }
    // An exit that only has to wait for a limit of pace is sent later, by itself.
    let refused = out.iter().skip(asked).find_map(|command| {
        let Command::Notice(Notice::Refused { refusal, .. }) = command else { return None };
        (!refusal.passes()).then(|| refusal.to_string())
    });
    Ok(refused.map_or(Verdict::Done, |refusal| Verdict::Refused(Objection::Gate(refusal))))
}
