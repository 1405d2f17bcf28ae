//! The pool's books against a model, and what it gives back.

use std::cell::Cell;

use super::*;

thread_local! {
    pub(super) static TAKEN: Cell<i64> = const { Cell::new(0) };
}

/// Bytes that this thread took and did not give back.
pub(crate) fn taken_by_thread() -> i64 {
    TAKEN.get()
}

fn random(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

fn check(pool: &Pool, live: &[(NonNull<u8>, usize)]) {
    let used: usize = live.iter().map(|&(_, units)| units).sum();
    let free: usize = pool.free.iter().map(|(_, units)| units).sum();
    assert_eq!(pool.free_units, free);
    assert_eq!(used + free, pool.chunks.len() * CHUNK_SIZE / UNIT_SIZE);
    assert_eq!(pool.chunks.values().map(|chunk| chunk.used_units).sum::<usize>(), used);
    assert_eq!(pool.chunks.values().map(Chunk::absent_pages).sum::<usize>(), pool.absent_pages);
    let mut end = 0;
    for (address, units) in pool.free.iter() {
        assert!(end < address || address % CHUNK_SIZE == 0, "neighbours are joined");
        end = address + units * UNIT_SIZE;
        assert_eq!(chunk_of(address), chunk_of(end - 1), "an extent stays inside its chunk");
    }
}

/// Takes and gives at random, each block filled with its own byte.
fn churn(rounds: usize, blocks_max: usize) {
    let (mut pool, mut live, mut seed) = (Pool::new(), Vec::<(NonNull<u8>, usize)>::new(), 11);
    for round in 0..rounds {
        let is_growing = (round * 6 / rounds).is_multiple_of(2);
        if live.len() < blocks_max && random(&mut seed) % 10 < if is_growing { 8 } else { 2 } || live.is_empty() {
            let (units, fit) = match random(&mut seed) % 3 {
                0 => (random(&mut seed) % 32 + 1, Fit::Units),
                _ => (PAGE_SIZE / UNIT_SIZE, Fit::Page),
            };
            let memory = pool.allocate(units, fit);
            if fit == Fit::Page {
                assert_eq!(memory.as_ptr() as usize % PAGE_SIZE, 0);
            }
            // SAFETY: just given out.
            unsafe { memory.as_ptr().write_bytes(units as u8, units * UNIT_SIZE) };
            live.push((memory, units));
        } else {
            let (memory, units) = live.swap_remove(random(&mut seed) % live.len());
            // SAFETY: given out and filled.
            let bytes = unsafe { std::slice::from_raw_parts(memory.as_ptr(), units * UNIT_SIZE) };
            assert!(bytes.iter().all(|&byte| byte == units as u8));
            if let Some(base) = pool.release(memory.as_ptr() as usize, units) {
                // SAFETY: the pool says so.
                unsafe { system::unmap(base, CHUNK_SIZE) };
            }
        }
        if random(&mut seed).is_multiple_of(200) {
            pool.give_back(1 << 20, 8);
        }
        if round % 64 == 0 {
            check(&pool, &live);
        }
    }
    for (memory, units) in live.drain(..) {
        if let Some(base) = pool.release(memory.as_ptr() as usize, units) {
            // SAFETY: the pool says so.
            unsafe { system::unmap(base, CHUNK_SIZE) };
        }
    }
    while pool.give_back(usize::MAX, 8) {}
    check(&pool, &live);
    assert!(pool.chunks.is_empty(), "an empty pool gives all of it back");
}

#[test]
fn the_books_are_right_whatever_comes_and_goes() {
    if cfg!(miri) { churn(400, 100) } else { churn(20_000, 3000) }
}

#[test]
fn what_a_segment_leaves_behind_serves_pages() {
    let mut pool = Pool::new();
    let segments: Vec<_> = (0..64).map(|_| pool.allocate(16, Fit::Units)).collect();
    let chunks = pool.chunks.len();
    for memory in &segments {
        pool.release(memory.as_ptr() as usize, 16);
    }
    let pages: Vec<_> = (0..256).map(|_| pool.allocate(4, Fit::Page)).collect();
    assert_eq!(pool.chunks.len(), chunks);
    for memory in pages {
        pool.release(memory.as_ptr() as usize, 4);
    }
    while pool.give_back(usize::MAX, 8) {}
}

#[test]
fn resident_bytes_follow_what_is_given_back() {
    let mut pool = Pool::new();
    let pages: Vec<_> = (0..400).map(|_| pool.allocate(4, Fit::Page)).collect();
    assert_eq!(pool.absent_pages, 112);
    for memory in &pages[100..300] {
        pool.release(memory.as_ptr() as usize, 4);
    }
    assert_eq!(pool.absent_pages, 112);
    while pool.give_back(usize::MAX, 8) {}
    assert_eq!(pool.absent_pages, 312);
    let again = pool.allocate(8, Fit::Units);
    assert_eq!(pool.absent_pages, 310);
    pool.release(again.as_ptr() as usize, 8);
    for memory in pages[..100].iter().chain(&pages[300..]) {
        pool.release(memory.as_ptr() as usize, 4);
    }
    while pool.give_back(usize::MAX, 8) {}
    assert!(pool.chunks.is_empty());
}
