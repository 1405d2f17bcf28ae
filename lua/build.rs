//! Builds the interpreter in `vendor/`.

fn main() {
    println!("cargo::rerun-if-changed=vendor");
    let mut sources: Vec<_> = std::fs::read_dir("vendor")
        .expect("the sources of Lua")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    // Always optimised: scripts would be slow in every test otherwise. Lua relies on wrapping signed arithmetic.
    cc::Build::new()
        .files(sources)
        .include("vendor")
        .opt_level(2)
        .flag("-fwrapv")
        .warnings(false)
        .compile("stateless_lua");
}
