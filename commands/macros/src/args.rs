//! `#[derive(Args)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Type};

/// What `#[arg(...)]` says of a parameter, field or variant.
#[derive(Default)]
pub(crate) struct ArgAttributes {
    pub(crate) token: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) since: Option<LitStr>,
    pub(crate) display: Option<LitStr>,
    pub(crate) unix_time: bool,
    pub(crate) pattern: bool,
    pub(crate) multiple: bool,
    pub(crate) stop: bool,
    pub(crate) key_spec: Option<syn::LitInt>,
}

impl ArgAttributes {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("arg")) {
            attribute.parse_nested_meta(|meta| {
                let text = |meta: &syn::meta::ParseNestedMeta| meta.value()?.parse::<LitStr>();
                if meta.path.is_ident("token") {
                    found.token = Some(text(&meta)?);
                } else if meta.path.is_ident("name") {
                    found.name = Some(text(&meta)?);
                } else if meta.path.is_ident("since") {
                    found.since = Some(text(&meta)?);
                } else if meta.path.is_ident("display") {
                    found.display = Some(text(&meta)?);
                } else if meta.path.is_ident("key_spec") {
                    found.key_spec = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("unix_time") {
                    found.unix_time = true;
                } else if meta.path.is_ident("pattern") {
                    found.pattern = true;
                } else if meta.path.is_ident("multiple") {
                    found.multiple = true;
                } else if meta.path.is_ident("stop") {
                    found.stop = true;
                } else {
                    return Err(
                        meta.error("one of: token, name, since, display, key_spec, unix_time, pattern, multiple, stop")
                    );
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// `base` with what the attributes say.
    pub(crate) fn refine(&self, base: TokenStream) -> TokenStream {
        let mut doc = base;
        if let Some(token) = &self.token {
            doc = quote!(#doc.token(#token));
        }
        if let Some(since) = &self.since {
            doc = quote!(#doc.since(#since));
        }
        if let Some(display) = &self.display {
            doc = quote!(#doc.display(#display));
        }
        if let Some(index) = &self.key_spec {
            doc = quote!(#doc.key_spec(#index));
        }
        if self.unix_time {
            doc = quote!(#doc.unix_time());
        }
        if self.pattern {
            doc = quote!(#doc.pattern());
        }
        if self.multiple {
            doc = quote!(#doc.multiple());
        }
        doc
    }
}

/// `max_len` as the docs spell it: `max-len`.
pub(crate) fn doc_name(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").trim_start_matches('_').replace('_', "-")
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    match &input.data {
        Data::Enum(data) => expand_enum(input, data),
        Data::Struct(data) => expand_struct(input, data),
        Data::Union(_) => Err(Error::new_spanned(input, "a grammar is a struct (options) or an enum (one of)")),
    }
}

/// The impl's generics and the lifetime of the arguments: the type's own, or a fresh one.
fn lifetimes(input: &DeriveInput) -> (TokenStream, TokenStream, TokenStream) {
    let (_, type_generics, _) = input.generics.split_for_impl();
    match input.generics.lifetimes().next() {
        Some(own) => {
            let own = &own.lifetime;
            (quote!(<#own>), own.to_token_stream(), type_generics.to_token_stream())
        }
        None => (quote!(<'a>), quote!('a), quote!()),
    }
}

fn expand_enum(input: &DeriveInput, data: &syn::DataEnum) -> Result<TokenStream> {
    let name = &input.ident;
    let (impl_generics, lifetime, type_generics) = lifetimes(input);
    let (mut arms, mut docs) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        let mut attributes = ArgAttributes::of(&variant.attrs)?;
        let ident = &variant.ident;
        let token =
            attributes.token.take().unwrap_or_else(|| LitStr::new(&ident.to_string().to_uppercase(), ident.span()));
        let doc_text = attributes.name.as_ref().map_or_else(|| token.value().to_lowercase(), LitStr::value);
        attributes.token = Some(token.clone());
        match &variant.fields {
            Fields::Unit => {
                arms.push(quote!(if args.take_token(#token) { return Ok(Some(Self::#ident)); }));
                docs.push(attributes.refine(quote!(crate::spec::ArgDoc::token_only(#doc_text))));
            }
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                let kind = &fields.unnamed[0].ty;
                arms.push(quote!(if args.take_token(#token) {
                    return Ok(Some(Self::#ident(<#kind as crate::args::Arg>::take_value(args)?)));
                }));
                docs.push(attributes.refine(quote!(<#kind as crate::args::Arg>::DOC.named(#doc_text))));
            }
            _ => return Err(Error::new_spanned(variant, "a variant is a token, or a token with one value")),
        }
    }
    Ok(quote! {
        impl #impl_generics crate::args::OneOf<#lifetime> for #name #type_generics {
            const DOCS: &'static [crate::spec::ArgDoc] = &[#(#docs),*];

            fn take_if(args: &mut crate::args::Args<#lifetime>) -> crate::error::Result<Option<Self>> {
                #(#arms)*
                Ok(None)
            }
        }
    })
}

enum FieldKind<'t> {
    Flag,
    Value(&'t Type),
    OneOf(&'t Type),
}

/// The `T` of an `Option<T>`.
pub(crate) fn option_of(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}

fn field_kind<'t>(field: &'t syn::Field, attributes: &ArgAttributes) -> Result<FieldKind<'t>> {
    match (option_of(&field.ty), &attributes.token) {
        (None, _) if matches!(&field.ty, Type::Path(path) if path.path.is_ident("bool")) => Ok(FieldKind::Flag),
        (Some(inner), Some(_)) => Ok(FieldKind::Value(inner)),
        (Some(inner), None) => Ok(FieldKind::OneOf(inner)),
        _ => Err(Error::new_spanned(field, "a bool, an Option<value> with a token, or an Option<one of>")),
    }
}

fn expand_struct(input: &DeriveInput, data: &syn::DataStruct) -> Result<TokenStream> {
    let name = &input.ident;
    let stop = ArgAttributes::of(&input.attrs)?.stop;
    let (impl_generics, lifetime, type_generics) = lifetimes(input);
    let (mut arms, mut docs) = (Vec::new(), Vec::new());
    for field in &data.fields {
        let Some(ident) = &field.ident else { return Err(Error::new_spanned(field, "options have names")) };
        let mut attributes = ArgAttributes::of(&field.attrs)?;
        let doc_text = attributes.name.as_ref().map_or_else(|| doc_name(ident), LitStr::value);
        match field_kind(field, &attributes)? {
            FieldKind::Flag => {
                let token = attributes
                    .token
                    .take()
                    .unwrap_or_else(|| LitStr::new(&ident.to_string().to_uppercase(), ident.span()));
                attributes.token = Some(token.clone());
                arms.push(quote!(if args.take_token(#token) { found.#ident = true; continue; }));
                docs.push(attributes.refine(quote!(crate::spec::ArgDoc::token_only(#doc_text).optional())));
            }
            FieldKind::Value(kind) => {
                let token = &attributes.token;
                arms.push(quote!(if args.take_token(#token) {
                    found.#ident = Some(<#kind as crate::args::Arg>::take_value(args)?);
                    continue;
                }));
                docs.push(attributes.refine(quote!(<#kind as crate::args::Arg>::DOC.named(#doc_text).optional())));
            }
            FieldKind::OneOf(kind) => {
                arms.push(quote!(if let Some(choice) = <#kind as crate::args::OneOf>::take_if(args)? {
                    crate::args::choose(&mut found.#ident, choice)?;
                    continue;
                }));
                docs.push(attributes.refine(quote!(
                    crate::spec::ArgDoc::one_of(#doc_text, <#kind as crate::args::OneOf>::DOCS).optional()
                )));
            }
        }
    }
    let end = if stop { quote!(break;) } else { quote!(return Err(crate::error::Error::Syntax);) };
    Ok(quote! {
        impl #impl_generics crate::args::Options<#lifetime> for #name #type_generics {
            const DOCS: &'static [crate::spec::ArgDoc] = &[#(#docs),*];

            fn take(args: &mut crate::args::Args<#lifetime>) -> crate::error::Result<Self> {
                let mut found = Self::default();
                while !args.is_empty() {
                    #(#arms)*
                    #end
                }
                Ok(found)
            }
        }
    })
}
