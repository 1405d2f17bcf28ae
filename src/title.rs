//! The title of the process, as `ps` shows it (`set-proc-title`, `proc-title-template`).

use std::sync::OnceLock;

use settings::Settings;

use crate::system::{self, TitleRoom};

struct Title {
    program: String,
    room: TitleRoom,
}

static TITLE: OnceLock<Title> = OnceLock::new();

/// Makes room for titles, once, while the process has one thread.
pub(crate) fn begin(settings: &Settings, program: &[u8]) {
    if settings.set_proc_title()
        && let Some(room) = system::title_room()
    {
        let _ = TITLE.set(Title { program: String::from_utf8_lossy(program).into_owned(), room });
        follow(settings);
    }
}

/// Shows what the settings say now.
pub(crate) fn follow(settings: &Settings) {
    if let Some(title) = TITLE.get() {
        title.room.show(text(settings, &title.program).trim_end().as_bytes());
    }
}

fn text(settings: &Settings, program: &str) -> String {
    let (port, tls_port) = (settings.port(), settings.tls_port());
    let socket = settings.unixsocket().to_string_lossy().into_owned();
    let bind = settings.bind().iter().next().map_or("*".to_owned(), |word| word.to_string_lossy().into_owned());
    let address = match (port, tls_port) {
        (0, 0) => socket.clone(),
        (0, port) | (port, _) => format!("{bind}:{port}"),
    };
    let config_file = settings.config_file().map(|path| path.display().to_string()).unwrap_or_default();
    let (port, tls_port) = (port.to_string(), tls_port.to_string());
    let variables = [
        ("{title}", program),
        ("{listen-addr}", &address),
        ("{server-mode}", ""),
        ("{port}", &port),
        ("{tls-port}", &tls_port),
        ("{unixsocket}", &socket),
        ("{config-file}", &config_file),
    ];
    let template = settings.proc_title_template().to_string_lossy().into_owned();
    // One pass: what stands in a path is no variable.
    let (mut shown, mut rest) = (String::new(), template.as_str());
    while let Some(at) = rest.find('{') {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let (name, value) = variables.iter().find(|(name, _)| rest.starts_with(name)).unwrap_or(&("{", "{"));
        shown.push_str(value);
        rest = &rest[name.len()..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let settings = Settings::new();
        assert_eq!(text(&settings, "./redis-server").trim_end(), "./redis-server *:6379");
        let set = |name: &'static str, value: &str| {
            settings.set(&[(name, value.to_owned())], settings::Caller::default()).map(drop).expect("a value");
        };
        set("proc-title-template", "T {title} {port} {tls-port} [{unixsocket}] {config-file}");
        assert_eq!(text(&settings, "{port}"), "T {port} 6379 0 [] ");
        set("port", "0");
        set("tls-port", "7");
        set("proc-title-template", "{listen-addr}");
        assert_eq!(text(&settings, "x"), "*:7");
    }
}
