//! Which links are one item: judged at first contact only, and never guessed.

use crate::ids::{LinkId, ReplicaId};
use crate::journal::{Op, Reason};
use crate::port::Stamp;
use crate::state::{Link, Seen};
use crate::value::IdentityKey;

/// What is to become of a link with a single copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is an item of its own.
    Own,
    /// It is the same item as another link's.
    Same {
        /// The link that stays.
        link: LinkId,
        /// The link that joins it.
        absorbed: LinkId,
        /// What they have in common.
        by: IdentityKey,
    },
    /// It is the original of a copy of ours, which is to yield.
    Twin {
        /// The link of our copy.
        link: LinkId,
        /// Where.
        replica: ReplicaId,
    },
    /// It is the original of a copy of ours, which first yields to another.
    Waits {
        /// The link of our copy.
        of: LinkId,
    },
    /// It could be the same as several others.
    Unclear,
}

/// Whether a link is still to be recognised: one copy, which never was the same as another.
pub fn is_unmet(link: &Link) -> bool {
    !link.buried
        && !link.met
        && link.open.is_none()
        && link.legs.len() == 1
        // A fork carries its origin's identity, and is an item of its own all the same.
        && link.origin.is_none()
        && link.legs.values().all(|leg| leg.rendition().is_some())
}

/// Recognises `link` among `others`: all living links of its collection that share a key with it.
pub fn identify(link: &Link, others: &[Link]) -> Identity {
    let Some(replica) = link.legs.keys().next() else { return Identity::Own };
    let others: Vec<&Link> = others.iter().filter(|other| other.id != link.id).collect();
    let mut unclear = false;
    for key in link.identity() {
        let sharing: Vec<&&Link> =
            others.iter().filter(|other| other.identity().contains(&key)).collect();
        if let Some(moved) = sharing.iter().find(|other| is_back(other, *replica, key)) {
            let alone = !sharing.iter().any(|o| is_unmet(o) && o.legs.contains_key(replica));
            if alone {
                return Identity::Same { link: moved.id, absorbed: link.id, by: key.clone() };
            }
            unclear = true;
            continue;
        }
        if let Some(ours) = sharing.iter().find(|o| is_our_copy(o, link, key)) {
            let (of, replica) = (ours.id, *replica);
            return match ours.twin {
                Some(twin) if twin.original != link.id => Identity::Waits { of },
                Some(_) | None => Identity::Twin { link: of, replica },
            };
        }
        let rivals = sharing.iter().any(|o| waits(o) && o.legs.contains_key(replica));
        let mates: Vec<&&&Link> = sharing
            .iter()
            .filter(|other| !other.legs.contains_key(replica))
            .filter(|other| waits(other) || lacks_a_copy(other, key))
            .collect();
        let mut places: Vec<&ReplicaId> = mates.iter().flat_map(|m| m.legs.keys()).collect();
        places.sort_unstable();
        let alone = places.windows(2).all(|pair| pair[0] != pair[1]);
        match mates.first() {
            Some(mate) if alone && !rivals => {
                let first = mate.met || mate.id < link.id;
                let (stays, joins) = if first { (mate.id, link.id) } else { (link.id, mate.id) };
                return Identity::Same { link: stays, absorbed: joins, by: key.clone() };
            }
            Some(_) => unclear = true,
            None => {}
        }
    }
    if unclear { Identity::Unclear } else { Identity::Own }
}

/// Whether the other link is to be recognised too. Ambiguity set it aside, or a twin of ours did.
fn waits(link: &Link) -> bool {
    is_unmet(link)
        && matches!(
            link.held,
            None | Some(
                Reason::Ambiguous
                    | Reason::Twin { .. }
                    | Reason::OneWay { .. }
                    | Reason::Fixed { .. }
            )
        )
}

/// Whether `other` joins copies already and lacks one, as with more than two replicas. Such links
/// never match by likeness.
fn lacks_a_copy(other: &Link, key: &IdentityKey) -> bool {
    let strong = matches!(key, IdentityKey::Strong(_));
    strong && other.legs.len() > 1 && !other.buried && other.open.is_none()
}

/// Whether `other` lost its copy in `replica`: an item with the same identity that is new there is
/// that copy, moved or restored under another id.
fn is_back(other: &Link, replica: ReplicaId, key: &IdentityKey) -> bool {
    matches!(key, IdentityKey::Strong(_))
        && !other.buried
        && other.open.is_none()
        && other.legs.get(&replica).is_some_and(|leg| matches!(leg.seen, Seen::Gone))
}

/// Whether `other` holds a copy that we made where an original now stands.
fn is_our_copy(other: &Link, link: &Link, key: &IdentityKey) -> bool {
    let strong = matches!(key, IdentityKey::Strong(_));
    let Some((replica, original)) = link.legs.iter().next() else { return false };
    // A copy that may be on its way counts too: the original waits until that is settled.
    let coming = other.open.as_ref().is_some_and(|open| {
        let plan = &open.intent.plan;
        plan.replica == *replica && matches!(plan.op, Op::Create { .. })
    });
    let copy = other.legs.get(replica);
    // A fork stands for nothing but itself.
    strong
        && other.origin.is_none()
        && (coming
            || copy.is_some_and(|leg| {
                // A copy that someone made of our copy carries its stamp along, and is no original.
                let of_it = |stamp: &Stamp| leg.keys.contains(&stamp.key);
                leg.ours
                    && leg.is_taken_for_present()
                    && !original.stamped.as_ref().is_some_and(of_it)
            }))
}
