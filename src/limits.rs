//! `maxclients` against the system's limit of open files.

use settings::{Caller, Settings};

use crate::{log, system};

/// Files that are no clients: listeners, log, epoll, data files.
const RESERVED_FILES: u64 = 32;

/// Raises the limit of open files to what `maxclients` needs, or lowers `maxclients` to what the limit allows.
pub(crate) fn adjust_max_clients(settings: &Settings) -> Result<(), String> {
    let asked = settings.maxclients();
    let needed = u64::from(asked) + RESERVED_FILES;
    let before = system::open_files_limit().unwrap_or(1024);
    let limit = system::raise_open_files_limit(needed).unwrap_or(before);
    if limit >= needed {
        if limit > before {
            log::notice(&format!(
                "Increased maximum number of open files to {limit} (it was originally set to {before})."
            ));
        }
        return Ok(());
    }
    let fits = limit.saturating_sub(RESERVED_FILES);
    if fits == 0 {
        return Err(format!(
            "Your current 'ulimit -n' of {limit} is not enough for the server to start. \
             Please increase your open file limit to at least {needed}. Exiting."
        ));
    }
    log::warning(&format!("You requested maxclients of {asked} requiring at least {needed} max file descriptors."));
    log::warning(&format!(
        "Current maximum open files is {limit}. maxclients has been reduced to {fits} to compensate for low ulimit. \
         If you need higher maxclients increase 'ulimit -n'."
    ));
    settings.set(&[("maxclients", fits.to_string())], Caller::default()).map(drop).map_err(|error| error.to_string())
}

/// CONFIG SET maxclients: the system must allow as many.
pub(crate) fn make_room_for_clients(clients: u32) -> Result<(), String> {
    let needed = u64::from(clients) + RESERVED_FILES;
    let limit = system::raise_open_files_limit(needed).unwrap_or(0);
    if limit >= needed {
        return Ok(());
    }
    let fits = limit.saturating_sub(RESERVED_FILES);
    Err(format!("The operating system is not able to handle the specified number of clients, try with {fits}"))
}
