//! `tls-ciphers` and `tls-ciphersuites`: OpenSSL's lists, over the suites that the library has.

use rustls::{CipherSuite, SupportedCipherSuite};
use settings::Settings;

/// The six suites of TLS 1.2 that there are, under OpenSSL's names.
const TLS12: [(CipherSuite, &str); 6] = [
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

const TLS13: [(CipherSuite, &str); 3] = [
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
];

/// The suites that the settings allow, in their order; `notes` gets the names that do not exist here.
pub(super) fn choose(
    all: &[SupportedCipherSuite],
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<Vec<SupportedCipherSuite>, String> {
    let (ciphers, suites) = (settings.tls_ciphers(), settings.tls_ciphersuites());
    let mut names = tls13(&suites.to_string_lossy())?;
    names.extend(tls12(&ciphers.to_string_lossy(), notes)?);
    let found = names.iter().filter_map(|name| all.iter().find(|suite| suite.suite() == *name).copied());
    Ok(found.collect())
}

/// An empty list is all; a name that does not exist is an error, as in OpenSSL.
fn tls13(list: &str) -> Result<Vec<CipherSuite>, String> {
    if list.trim().is_empty() {
        return Ok(TLS13.iter().map(|(suite, _)| *suite).collect());
    }
    let find = |word: &str| {
        let found = TLS13.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
        found
            .map(|(suite, _)| *suite)
            .ok_or_else(|| format!("Failed to configure ciphersuites: no such suite '{word}'"))
    };
    list.split(':').map(str::trim).filter(|word| !word.is_empty()).map(find).collect()
}

/// OpenSSL's cipher strings: words add, `-` removes, `!` removes for good, `+` moves to the end.
fn tls12(list: &str, notes: &mut Vec<String>) -> Result<Vec<CipherSuite>, String> {
    if list.trim().is_empty() {
        return Ok(TLS12.iter().map(|(suite, _)| *suite).collect());
    }
    let (mut chosen, mut banned) = (Vec::new(), Vec::new());
    for word in list.split([':', ',', ' ', ';']).filter(|word| !word.is_empty() && !word.starts_with('@')) {
        let (sign, name) = match word.split_at(1) {
            (sign @ ("!" | "-" | "+"), name) => (sign, name),
            _ => ("", word),
        };
        let meant: Vec<_> = TLS12.iter().filter(|(_, known)| means(name, known)).map(|(suite, _)| *suite).collect();
        if meant.is_empty() && sign.is_empty() {
            notes.push(format!("tls-ciphers: '{name}' names no cipher that this server has; it is left out"));
        }
        let is_meant = |suite: &CipherSuite| meant.contains(suite);
        match sign {
            "" => {
                let new: Vec<_> = meant.iter().filter(|suite| !chosen.contains(*suite)).copied().collect();
                chosen.extend(new.into_iter().filter(|suite| !banned.contains(suite)));
            }
            "+" => chosen.sort_by_key(is_meant),
            _ => chosen.retain(|suite| !is_meant(suite)),
        }
        if sign == "!" {
            banned.extend(meant);
        }
    }
    if chosen.is_empty() {
        return Err(format!("Failed to configure ciphers: '{list}' leaves none that this server has"));
    }
    Ok(chosen)
}

/// Whether a word of a cipher string, parts joined by `+`, means a suite.
fn means(word: &str, suite: &str) -> bool {
    word.eq_ignore_ascii_case(suite) || word.split('+').all(|part| part_means(part, suite))
}

fn part_means(part: &str, suite: &str) -> bool {
    match part {
        "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "TLSv1.2" => true,
        "AESGCM" => suite.contains("-GCM-"),
        "AES" => suite.contains("-AES"),
        "AES128" => suite.contains("-AES128-"),
        "AES256" => suite.contains("-AES256-"),
        "CHACHA20" => suite.contains("-CHACHA20-"),
        "ECDSA" | "aECDSA" => suite.contains("-ECDSA-"),
        "aRSA" => suite.contains("-RSA-"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<&'static str> {
        let chosen = tls12(list, &mut Vec::new()).unwrap_or_default();
        chosen.iter().filter_map(|suite| Some(TLS12.iter().find(|(known, _)| known == suite)?.1)).collect()
    }

    #[test]
    fn cipher_strings() {
        assert_eq!(names("").len(), 6);
        assert_eq!(names("DEFAULT:!aNULL").len(), 6);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        let both = ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"];
        assert_eq!(names("ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"), both);
        assert_eq!(names("aRSA:-AES256:+CHACHA20"), ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]);
        assert_eq!(names("!CHACHA20:ALL:-ECDSA").len(), 2);
        assert_eq!(names("ECDHE+AESGCM+aECDSA").len(), 2);
        assert_eq!(names("AES128-SHA256"), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut notes = Vec::new();
        assert!(tls12("AES128-SHA:AES256", &mut notes).is_ok());
        assert_eq!(notes.len(), 1);
        assert!(tls12("AES128-SHA", &mut notes).is_err());
        assert!(tls13("TLS_AES_128_GCM_SHA256:nope").is_err());
        assert_eq!(tls13("TLS_AES_128_GCM_SHA256"), Ok(vec![CipherSuite::TLS13_AES_128_GCM_SHA256]));
    }
}
