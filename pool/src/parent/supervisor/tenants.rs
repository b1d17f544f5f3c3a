//! Tenants: several at one pool, of whom one leaves.

use std::sync::Arc;

use super::Shared;
use crate::parent::ledger::Tenant;

impl Shared {
    /// Ends every task of a tenant, and takes no more of it.
    pub(in crate::parent) fn dismiss_tenant(self: &Arc<Self>, tenant: Tenant) {
        self.with_core(|core, now, actions| core.ledger.dismiss_tenant(tenant, now, actions));
    }

    /// Nothing more comes of a tenant, and nothing of it is left.
    pub(in crate::parent) fn forget_tenant(&self, tenant: Tenant) {
        self.lock().ledger.forget_tenant(tenant);
    }
}
