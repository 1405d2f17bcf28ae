//! The first screen: a sign of life for people, and the lines that test harnesses wait for.

use settings::Settings;

use crate::cli::{Product, VERSION};
use crate::log;
use crate::process::is_watched;

/// Shows it where a person looks, or where the settings ask for it; otherwise one line says the mode.
pub(crate) fn show(settings: &Settings, product: Product) {
    if !settings.always_show_logo() && !is_watched(settings) {
        return log::notice(&format!("Running mode=standalone, port={}.", settings.port()));
    }
    let (reported, port, pid) = (settings.redis_version_reported(), settings.port(), std::process::id());
    log::raw(&format!(
        "
        ____________
       /           /|     {} {} ({VERSION}) {} bit
      /___________/ |
      |  |  |  |  | |     Running in standalone mode
      |  |  |  |  | |     Port: {port}
      |__|__|__|__| /     PID: {pid}
      |__|__|__|__|/

",
        product.title,
        reported.to_string_lossy(),
        usize::BITS,
    ));
}
