//! All users by name. Readers get whole users; a generation number tells them when to look again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::commands::Commands;
use crate::file::{self, FileError, UserMap};
use crate::user::{DEFAULT_USER, User};

/// See the module's head.
#[derive(Debug)]
pub struct Users {
    commands: Commands,
    by_name: RwLock<UserMap>,
    /// Changes after each change of `by_name`.
    generation: AtomicU64,
}

impl Users {
    /// The default user alone, who may do everything.
    pub fn new(commands: Commands) -> Self {
        let default = Arc::new(User::new_default(&commands));
        let by_name = UserMap::from([(DEFAULT_USER.into(), default)]);
        Self { commands, by_name: RwLock::new(by_name), generation: AtomicU64::new(1) }
    }

    /// The commands that rules speak of.
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// Which state of the users this is; who holds a user from an earlier one looks again.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A user by name.
    pub fn get(&self, name: &[u8]) -> Option<Arc<User>> {
        self.by_name.read().get(name).cloned()
    }

    /// The user of connections that did not sign in.
    pub fn default_user(&self) -> Arc<User> {
        self.get(DEFAULT_USER).unwrap_or_else(|| Arc::new(User::new_default(&self.commands)))
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<User>> {
        self.by_name.read().values().cloned().collect()
    }

    /// Changes a user, or makes one, by a function that may refuse; answers the one before and the one now.
    pub fn update<E>(
        &self,
        name: &[u8],
        all_channels: bool,
        change: impl FnOnce(&mut User, &Commands) -> Result<(), E>,
    ) -> Result<(Option<Arc<User>>, Arc<User>), E> {
        let mut users = self.by_name.write();
        let old = users.get(name).cloned();
        let mut user = match &old {
            Some(user) => User::clone(user),
            None => User::new(name, &self.commands, all_channels),
        };
        change(&mut user, &self.commands)?;
        let new = Arc::new(user);
        users.insert(name.into(), new.clone());
        self.generation.fetch_add(1, Ordering::Release);
        Ok((old, new))
    }

    /// Takes a user out; None: there was none.
    pub fn remove(&self, name: &[u8]) -> Option<Arc<User>> {
        let removed = self.by_name.write().remove(name);
        self.generation.fetch_add(1, Ordering::Release);
        removed
    }

    /// Puts the users of a file in the place of all, unless `fits` has something against them; answers those before.
    pub fn load(
        &self,
        text: &[u8],
        name: &str,
        all_channels: bool,
        fits: impl FnOnce(&[Arc<User>]) -> Result<(), String>,
    ) -> Result<Vec<Arc<User>>, FileError> {
        let new = file::parse(text, name, &self.commands, all_channels)?;
        fits(&new.values().cloned().collect::<Vec<_>>()).map_err(|reason| FileError(format!("{name}: {reason}")))?;
        let old = std::mem::replace(&mut *self.by_name.write(), new);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(old.into_values().collect())
    }

    /// The text of a file with all users.
    pub fn print(&self) -> Vec<u8> {
        file::print(self.by_name.read().values().map(AsRef::as_ref))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
