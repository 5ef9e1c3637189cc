//! What the council does about validators and nodes.

use crate::{
    committee::{Validator, change::ValidatorChange},
    keys::PublicKey,
    ledger::{overlay::Overlay, rejection::Rejection},
    registry::{NODES_MAX, Node, NodeName},
};

/// Changes the set that decides from the second block after this one on. Compared with what that set was
/// before this block, so that the changes of a block count together.
pub(super) fn change_validators(overlay: &mut Overlay<'_>, change: &ValidatorChange) -> Result<(), Rejection> {
    let before = overlay.next_validators();
    if change.remove.iter().any(|id| before.by_id(id).is_none()) {
        return Err(Rejection::UnknownValidator);
    }
    let is_registered = |validator: &Validator| overlay.nodes().of_validator_key(&validator.key).is_some();
    if !change.set.iter().all(is_registered) {
        return Err(Rejection::UnknownNode);
    }
    let after = change.applied_to(before).map_err(|_| Rejection::ValidatorSetInvalid)?;
    if after == *before {
        return Err(Rejection::ValidatorSetInvalid);
    }
    if !overlay.base().next_validators.overlaps(&after) {
        return Err(Rejection::TooFewUnchangedValidators);
    }
    overlay.put_next_validators(after);
    Ok(())
}

pub(super) fn set(overlay: &mut Overlay<'_>, node: &Node) -> Result<(), Rejection> {
    let nodes = overlay.nodes();
    let before = nodes.get(&node.name);
    if before.is_none() && nodes.len() >= NODES_MAX {
        return Err(Rejection::RegistryFull);
    }
    if !node.is_sound() {
        return Err(Rejection::NodeUnsound);
    }
    if nodes.shares_keys(node) {
        return Err(Rejection::NodeKeyTaken);
    }
    let mut lost = before.iter().flat_map(|before| before.validator_keys.iter());
    if lost.any(|key| !node.validator_keys.contains(key) && is_in_use(overlay, key)) {
        return Err(Rejection::NodeInUse);
    }
    let mut nodes = nodes.clone();
    nodes.put(node.clone());
    overlay.put_nodes(nodes);
    Ok(())
}

pub(super) fn remove(overlay: &mut Overlay<'_>, name: &NodeName) -> Result<(), Rejection> {
    let nodes = overlay.nodes();
    let node = nodes.get(name).ok_or(Rejection::UnknownNode)?;
    if node.validator_keys.iter().any(|key| is_in_use(overlay, key)) {
        return Err(Rejection::NodeInUse);
    }
    let mut nodes = nodes.clone();
    nodes.remove(name);
    overlay.put_nodes(nodes);
    Ok(())
}

/// Whether it decides the next block after this one, or the one after that.
fn is_in_use(overlay: &Overlay<'_>, key: &PublicKey) -> bool {
    let sets = [&overlay.base().next_validators, overlay.next_validators()];
    sets.iter()
        .any(|set| set.iter().any(|(_, validator)| validator.key == *key))
}
