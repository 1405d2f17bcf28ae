//! What commands ask of the process around the instance: its log, its listeners, its end.

use settings::LogLevel;

/// The process; a test instance has none and leaves all of it undone.
pub trait Host: Send + Sync {
    /// Writes a line to the log, where the level lets it pass.
    fn log(&self, level: LogLevel, text: &str);

    /// Takes `loglevel` over from the settings.
    fn follow_log_level(&self);

    /// Listens where the settings say now; on an error it listens where it did before.
    fn listen_again(&self) -> Result<(), String>;

    /// The rows `listenerN` of INFO: what follows `listener0:`.
    fn listeners(&self) -> Vec<String>;

    /// Asks the system for files enough for so many clients.
    fn make_room_for_clients(&self, clients: u32) -> Result<(), String>;

    /// Changes the working directory.
    fn change_dir(&self) -> Result<(), String>;

    /// Looks after the other connections of this thread, while a script takes long on it.
    fn serve_meanwhile(&self);

    /// Ends the process, soon.
    fn shut_down(&self);

    /// The path of the program.
    fn executable(&self) -> String;
}

/// The host of an instance without a process of its own.
pub struct NoHost;

impl Host for NoHost {
    fn log(&self, _: LogLevel, _: &str) {}

    fn follow_log_level(&self) {}

    fn listen_again(&self) -> Result<(), String> {
        Ok(())
    }

    fn listeners(&self) -> Vec<String> {
        Vec::new()
    }

    fn make_room_for_clients(&self, _: u32) -> Result<(), String> {
        Ok(())
    }

    fn change_dir(&self) -> Result<(), String> {
        Ok(())
    }

    fn serve_meanwhile(&self) {}

    fn shut_down(&self) {}

    fn executable(&self) -> String {
        String::new()
    }
}
