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

    /// Takes the settings of TLS and their files over for new connections; on an error all stays as it was.
    fn follow_tls(&self) -> Result<(), String>;

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

    /// Takes a setting about the process over: its title, its crash reports, its score when memory runs out.
    fn follow_process(&self, setting: &str) -> Result<(), String>;

    /// Who supervises the process, as INFO names it.
    fn supervisor(&self) -> &'static str;

    /// Breaks the process, as a defect would.
    fn crash(&self, how: Crash<'_>);

    /// The path of the program.
    fn executable(&self) -> String;
}

/// How the process is to break.
#[derive(Clone, Copy, Debug)]
pub enum Crash<'a> {
    /// By an access to memory that is not there.
    Segfault,
    /// By a condition that does not hold.
    Assert,
    /// By a state that cannot be, described.
    Panic(&'a str),
}

/// The host of an instance without a process of its own.
pub struct NoHost;

impl Host for NoHost {
    fn log(&self, _: LogLevel, _: &str) {}

    fn follow_log_level(&self) {}

    fn listen_again(&self) -> Result<(), String> {
        Ok(())
    }

    fn follow_tls(&self) -> Result<(), String> {
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

    fn follow_process(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn supervisor(&self) -> &'static str {
        "no"
    }

    fn crash(&self, _: Crash<'_>) {}

    fn executable(&self) -> String {
        String::new()
    }
}
