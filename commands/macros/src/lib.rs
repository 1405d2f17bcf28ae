//! `#[command]` and `#[derive(Args)]`: a command is declared once, beside its handler.
//!
//! `#[command("GETDEL", since = "6.2.0", complexity = "O(1)", flags(WRITE | FAST), keys(KeySpec::one(1, RW | DELETE)))]`
//! turns `fn getdel(ctx: &mut Ctx, key: Key) -> Result<impl Reply>` into itself and a `static GETDEL: Command`:
//! the parameters' types are the grammar (parser and COMMAND DOCS tree), the doc's first line is the summary.
//!
//! `#[derive(Args)]` makes a grammar of a struct (options in any order) or of an enum (one of some tokens).

mod args;
mod command;

use proc_macro::TokenStream;

/// See the crate's head. Keys: `since`, `complexity`, `flags(A | B)`, `keys(KeySpec, ..)`, `tips("..", ..)`,
/// `locks(All)`, `arity(-3)`, `args(CONST)` (an argument tree by hand), `categories(..)`, `deprecated("7.0.0", "`X`")`.
#[proc_macro_attribute]
pub fn command(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let item: proc_macro2::TokenStream = item.into();
    match command::expand(attribute.into(), item.clone()) {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            // The function stays, so that one mistake gives one message.
            let error = error.to_compile_error();
            quote::quote!(#error #item).into()
        }
    }
}

/// See the crate's head. On fields and variants: `#[arg(token = "EX", name = "seconds", since = "2.6.12", unix_time)]`;
/// on the struct: `#[arg(stop)]`: the options end at the first word that is none.
#[proc_macro_derive(Args, attributes(arg))]
pub fn derive_args(item: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(item as syn::DeriveInput);
    args::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
