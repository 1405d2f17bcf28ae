//! jemalloc, and how it is set up.
//!
//! Huge pages: tables are walked at random, so that with 4 KB pages nearly every look at a key misses the TLB, and
//! under virtualisation a miss costs more than the cache miss behind it. Redis must forbid them because fork
//! copies whole pages; there is no fork here. A background thread gives unused pages back to the OS, after one
//! second instead of ten: growing tables leave old segments behind (4 to 5 bytes for each key, measured).
#![allow(unsafe_code)]

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A C string's address that may stand in a static.
#[repr(transparent)]
struct Conf(*const u8);

// SAFETY: the text is a constant.
unsafe impl Sync for Conf {}

/// Read by jemalloc before `main`; `_RJEM_MALLOC_CONF` in the environment overrides it.
// SAFETY: the symbol and its type are the ones that jemalloc declares (`const char *malloc_conf`, prefixed).
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: Conf =
    Conf(c"background_thread:true,thp:always,dirty_decay_ms:1000,muzzy_decay_ms:0".as_ptr().cast());
