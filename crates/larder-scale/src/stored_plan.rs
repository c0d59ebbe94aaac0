//! A plan of either kind, as its store has it.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::command_plan::CommandPlan;
use crate::plan::{PLAN_VERSION, Plan, from_json, id_of};
use crate::store::Store;
use crate::{ObjectUri, ScaleError, keys};

/// A plan. Engines, the state of a plan and garbage ask it for nothing but its shards.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredPlan {
    /// Rows to be encoded.
    Features(Box<Plan>),
    /// Commands to be run.
    Commands(Box<CommandPlan>),
}

/// What tells the kinds apart.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    commands: Option<IgnoredAny>,
}

impl StoredPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`ScaleError::NotThere`], [`ScaleError::Damaged`], [`ScaleError::Version`], [`ScaleError::Json`].
    pub fn read(store: &Store, plan_id: &str) -> Result<Self, ScaleError> {
        let key = keys::plan(plan_id);
        let uri = store.object(&key);
        let Some(text) = store.get(&key)? else {
            let way_out = "`larder plan` makes it and prints its name";
            return Err(ScaleError::NotThere { what: "plan", uri, way_out });
        };
        let found = id_of(&text);
        if found != plan_id {
            let (expected, way_out) = (plan_id.to_owned(), "make the plan again");
            return Err(ScaleError::Damaged { uri, expected, found, way_out });
        }
        Self::parse(&text, &uri)
    }

    pub(crate) fn parse(text: &[u8], uri: &str) -> Result<Self, ScaleError> {
        let is_of_commands = serde_json::from_slice::<Kind>(text).is_ok_and(|kind| kind.commands.is_some());
        Ok(match is_of_commands {
            true => Self::Commands(Box::new(from_json(text, uri, "a plan", PLAN_VERSION)?)),
            false => Self::Features(Box::new(from_json(text, uri, "a plan", PLAN_VERSION)?)),
        })
    }

    /// The number of its shards.
    pub fn shards(&self) -> usize {
        match self {
            Self::Features(plan) => plan.shards.len(),
            Self::Commands(plan) => plan.commands.len(),
        }
    }

    /// The rows of a shard; 0 for a command.
    pub fn rows(&self, shard: usize) -> u64 {
        match self {
            Self::Features(plan) => plan.shards.get(shard).map_or(0, crate::Shard::rows),
            Self::Commands(_) => 0,
        }
    }

    /// The cost of a shard, as forecast: tokens; commands cost the same.
    pub fn cost(&self, shard: usize) -> u64 {
        match self {
            Self::Features(plan) => plan.shards.get(shard).map_or(0, |shard| shard.tokens),
            Self::Commands(_) => 1,
        }
    }

    /// Checks that there is such a shard.
    ///
    /// # Errors
    /// [`ScaleError::NoShard`].
    pub fn check_shard(&self, uri: &ObjectUri, shard: usize) -> Result<(), ScaleError> {
        match shard < self.shards() {
            true => Ok(()),
            false => Err(ScaleError::NoShard {
                plan: uri.store.object(&keys::plan(&uri.plan_id)),
                shard,
                shards: self.shards(),
            }),
        }
    }
}
