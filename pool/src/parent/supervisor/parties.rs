//! Parties: several at one pool, of whom one leaves.

use std::sync::Arc;

use super::Shared;
use crate::parent::ledger::Party;

impl Shared {
    /// Ends every task of a party, and takes no more of it.
    pub(in crate::parent) fn dismiss_party(self: &Arc<Self>, party: Party) {
        self.with_core(|core, now, actions| core.ledger.dismiss_party(party, now, actions));
    }

    /// Nothing more comes of a party, and nothing of it is left.
    pub(in crate::parent) fn forget_party(&self, party: Party) {
        self.lock().ledger.forget_party(party);
    }
}
