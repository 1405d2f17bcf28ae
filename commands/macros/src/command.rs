//! `#[command]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, FnArg, Ident, ItemFn, LitStr, Pat, Result, Token, parenthesized};

use crate::args::{ArgAttributes, doc_name, option_of};

/// The attribute's content.
struct Declaration {
    name: LitStr,
    entries: Vec<(Ident, TokenStream)>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream) -> Result<Self> {
        let name = input.parse()?;
        let mut entries = Vec::new();
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let key: Ident = input.parse()?;
            let value = if input.parse::<Option<Token![=]>>()?.is_some() {
                let text: LitStr = input.parse()?;
                quote!(#text)
            } else {
                let content;
                parenthesized!(content in input);
                content.parse()?
            };
            entries.push((key, value));
        }
        Ok(Self { name, entries })
    }
}

/// One parameter after the context.
struct Parameter {
    ident: Ident,
    take: TokenStream,
    docs: TokenStream,
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let declaration: Declaration = syn::parse2(attribute)?;
    let mut function: ItemFn = syn::parse2(item)?;
    let summary = summary(&function)?;
    let parameters = parameters(&mut function)?;
    let ident = &function.sig.ident;
    let row = format_ident!("{}", ident.to_string().trim_start_matches("r#").to_uppercase(), span = ident.span());
    let visibility = &function.vis;
    let name = &declaration.name;
    let mut fields = vec![quote!(name: #name), quote!(summary: #summary)];
    let docs = parameters.iter().map(|parameter| &parameter.docs);
    let mut by_hand = false;
    for (key, value) in &declaration.entries {
        fields.push(match key.to_string().as_str() {
            "since" | "complexity" => quote!(#key: #value),
            "flags" => quote!(flags: { use crate::spec::flag::*; #value }),
            "keys" => quote!(keys: { use crate::spec::{KeySpec, key::*}; &[#value] }),
            "tips" => quote!(tips: &[#value]),
            "channels" => quote!(channels: Some(crate::spec::Channels::#value)),
            "locks" => quote!(locks: crate::spec::Locks::#value),
            "key_flags" => quote!(key_flags: Some(#value)),
            "flags_of" => quote!(flags_of: Some(#value)),
            "more_keys" => quote!(more_keys: Some(#value)),
            "arity" => quote!(arity: Some(#value)),
            "args" => {
                by_hand = true;
                quote!(args: &[#value])
            }
            "categories" => quote!(categories: { use crate::spec::category::*; #value }),
            "subcommands" => quote!(subcommands: &[#value]),
            "secrets" => quote!(secrets: Some(#value)),
            "alone" => quote!(is_alone: #value),
            "deprecated" => quote!(deprecated: Some((#value))),
            _ => {
                return Err(Error::new(
                    key.span(),
                    "one of: since, complexity, flags, flags_of, keys, key_flags, more_keys, tips, channels, locks, arity, args, categories, subcommands, secrets, alone, deprecated",
                ));
            }
        });
    }
    if !by_hand {
        fields.push(quote!(args: &[#(#docs),*]));
    }
    let takes = parameters.iter().map(|Parameter { ident, take, .. }| quote!(let #ident = #take;));
    let idents = parameters.iter().map(|parameter| &parameter.ident);
    Ok(quote! {
        #function

        #visibility static #row: crate::spec::Command = {
            fn run(ctx: &mut crate::ctx::Ctx<'_>, args: &mut crate::args::Args<'_>) -> crate::error::Result<()> {
                #(#takes)*
                args.end()?;
                crate::reply::Reply::write(#ident(ctx, #(#idents),*)?, ctx.out);
                Ok(())
            }
            crate::spec::Command { #(#fields,)* run: Some(run), ..crate::spec::Command::BLANK }
        };
    })
}

/// The first line of the doc comment.
fn summary(function: &ItemFn) -> Result<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    let text: Vec<String> = function.attrs.iter().filter_map(line).take_while(|line| !line.is_empty()).collect();
    if text.is_empty() {
        return Err(Error::new(Span::call_site(), "a command has a doc comment: its first paragraph is the summary"));
    }
    Ok(text.join(" "))
}

fn parameters(function: &mut ItemFn) -> Result<Vec<Parameter>> {
    let mut found = Vec::new();
    for input in function.sig.inputs.iter_mut().skip(1) {
        let FnArg::Typed(typed) = input else { return Err(Error::new_spanned(input, "a handler is a free function")) };
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new_spanned(&typed.pat, "parameters are plain names"));
        };
        let attributes = ArgAttributes::of(&typed.attrs)?;
        let options = typed.attrs.iter().any(|attribute| attribute.path().is_ident("options"));
        typed.attrs.retain(|attribute| !attribute.path().is_ident("arg") && !attribute.path().is_ident("options"));
        let (ident, kind) = (pattern.ident.clone(), &typed.ty);
        let name = attributes.name.as_ref().map_or_else(|| doc_name(&ident), LitStr::value);
        found.push(if options {
            Parameter {
                take: quote!(<#kind as crate::args::Options>::take(args)?),
                docs: quote!(crate::spec::ArgDoc::flatten(<#kind as crate::args::Options>::DOCS)),
                ident,
            }
        } else {
            let take = match &attributes.token {
                Some(token) if let Some(inner) = option_of(kind) => quote!(if args.take_token(#token) {
                    Some(<#inner as crate::args::Arg>::take_value(args)?)
                } else {
                    None
                }),
                Some(token) => quote!({ args.expect_token(#token)?; <#kind as crate::args::Arg>::take(args)? }),
                None => quote!(<#kind as crate::args::Arg>::take(args)?),
            };
            Parameter { take, docs: attributes.refine(quote!(<#kind as crate::args::Arg>::DOC.named(#name))), ident }
        });
    }
    Ok(found)
}
