//! Deleting a connector of ours in ERROR that is to be created again: nothing but deletion ends that state.

use super::{draft::Draft, moving};
use crate::domain::{
    design::Path,
    names::last_segment,
    plan::{Change, Object, Verb, Withheld},
    text,
};

/// Deletes what is to be made again, once the rules have been planned: not before the last look found them all in place for
/// the new range, the deny included.
pub(super) fn delete(draft: &mut Draft<'_>, paths: &[Path<'_>]) {
    for path in paths {
        let (Some(connector), Some(next)) = (path.leaves, path.next) else { continue };
        let required = path.required;
        let object = Object::Connector(connector.clone());
        if moving::is_pending(draft, &required.connector) || !moving::is_covered(draft, path, next) {
            let text = text::connector::rules_first(&required.connector, next);
            draft.withheld.push(Withheld::until_later(Verb::Delete, &object, text));
            continue;
        }
        let cause = draft.failure(&required.connector);
        let subnet = path.subnet.as_ref().map_or("", |(path, _)| last_segment(path));
        let reason = text::connector::replace(&required.connector, subnet, cause);
        draft.push(Change::Delete(object), Vec::new(), reason, path.settings.mode);
    }
}
