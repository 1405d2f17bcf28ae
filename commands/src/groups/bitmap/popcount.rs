//! Counting the bits of many bytes with the machine's widest instructions.
//!
//! Invariant: code compiled for a feature runs only where the feature was detected.
#![allow(unsafe_code)]

/// How many bits are set.
pub(super) fn count_ones(bytes: &[u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= 64 && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        // SAFETY: the features are there.
        return unsafe { count_ones_avx2(bytes) };
    }
    count(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn count_ones_avx2(bytes: &[u8]) -> usize {
    count(bytes)
}

/// Compiled once for each set of features, so that it is vectorized for each.
#[inline(always)]
fn count(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    in_words as usize + rest.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_lengths() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
        for len in 0..bytes.len() {
            let plain: usize = bytes[..len].iter().map(|byte| byte.count_ones() as usize).sum();
            assert_eq!(super::count_ones(&bytes[..len]), plain);
        }
    }
}
