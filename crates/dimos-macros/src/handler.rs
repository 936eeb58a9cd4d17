//! Methods that messages, timers, start and stop call.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, FnArg, Ident, Result, ReturnType, Signature, Type};

use crate::attributes::ours_at;
use crate::period::Period;
use crate::{method, reserved, types};

/// Registers a method for the messages of a port.
pub(crate) fn handler(signature: &Signature, port: &Ident) -> Result<TokenStream> {
    method::check(signature)?;
    method::check_receiver(signature)?;
    let forms =
        format!("a handler takes a message, its view or `&Sample`: `fn {}(&mut self, message: Scan)`", signature.ident);
    let mut parameters = signature.inputs.iter().skip(1);
    let message = match parameters.next() {
        Some(FnArg::Typed(parameter)) => &*parameter.ty,
        _ => return Err(Error::new(signature.ident.span(), forms)),
    };
    let (module, sample) = (local("module"), local("sample"));
    let is_sample = types::is_reference_to(message, "Sample");
    let second = match parameters.next() {
        None => None,
        Some(FnArg::Typed(second)) if !is_sample && types::is_reference_to(&second.ty, "Sample") => {
            Some(quote!(, #sample))
        }
        Some(second) if is_sample => {
            return Err(Error::new_spanned(second, "a handler of `&Sample` takes nothing else"));
        }
        Some(second) => return Err(Error::new_spanned(second, "behind the message a handler takes `&Sample` only")),
    };
    if let Some(third) = parameters.next() {
        return Err(Error::new_spanned(third, "a handler takes a message, and `&Sample` if it wants to"));
    }

    // A port that is not there is told where it is named, another type where the message is taken.
    let at_port = ours_at(port);
    let of = placed("module", at_port);
    let field = quote_spanned!(at_port=> &#of.#port);
    let at = ours_at(message);
    let argument = if is_sample {
        quote_spanned! {at_port=> {
            let _: &::dimos::In<_> = #field;
            #sample
        }}
    } else if is_view(message) {
        quote_spanned!(at=> ::dimos::module::view(#field, #sample)?)
    } else if let Type::Reference(_) = types::plain(message) {
        return Err(Error::new_spanned(message, forms));
    } else {
        quote_spanned!(at=> ::dimos::module::owned(#field, #sample)?)
    };
    let received = placed("message", at);
    let outcome = outcome(signature, &quote!(#received #second));
    let port = reserved::plain(port);
    Ok(quote! {
        table.handler(
            #port,
            |#module: &mut Self, #sample: &::dimos::Sample| -> ::core::result::Result<(), ::dimos::module::HandlerError> {
                let #received = #argument;
                #outcome
            },
        );
    })
}

/// Registers a method for a timer, and gives what has to stand beside it in a block of its own.
pub(crate) fn timer(signature: &Signature, period: &Period) -> Result<(TokenStream, TokenStream)> {
    let call = bare(signature, "a timer")?;
    let name = reserved::plain(&signature.ident);
    let module = local("module");
    let (period, computed) = match (period, period.fixed()) {
        (Period::Computed(expression), _) => {
            let computing = format_ident!("__every_{name}", span = Span::mixed_site());
            let computed = quote! {
                fn #computing(&self) -> ::core::time::Duration {
                    #expression
                }
            };
            (quote!(|#module: &Self| #module.#computing()), computed)
        }
        (Period::Fixed(_), fixed) => (quote!(|_: &Self| #fixed), TokenStream::new()),
    };
    Ok((quote!(table.timer(#name, #period, #call);), computed))
}

/// Registers a method for the module's start or stop.
pub(crate) fn hook(signature: &Signature, hook: &str) -> Result<TokenStream> {
    let call = bare(signature, &format!("`#[{hook}]`"))?;
    let hook = format_ident!("{hook}", span = Span::mixed_site());
    Ok(quote!(table.#hook(#call);))
}

/// The call of a method that gives nothing, or an error. What else it gives is told where that is written.
pub(crate) fn outcome(signature: &Signature, arguments: &TokenStream) -> TokenStream {
    let at = returned(signature);
    let (module, name) = (placed("module", at), &signature.ident);
    quote_spanned!(at=> ::dimos::module::Outcome::outcome(#module.#name(#arguments)))
}

/// Where it is written what a method returns.
pub(crate) fn returned(signature: &Signature) -> Span {
    match &signature.output {
        ReturnType::Default => ours_at(&signature.ident),
        ReturnType::Type(_, ty) => ours_at(ty),
    }
}

/// A name of ours that is none of the user's.
pub(crate) fn local(name: &str) -> Ident {
    placed(name, Span::mixed_site())
}

/// A name of ours at a place of the user's, as [`ours_at`] gives it.
pub(crate) fn placed(name: &str, at: Span) -> Ident {
    Ident::new(name, at)
}

/// The closure around a method that takes nothing.
fn bare(signature: &Signature, what: &str) -> Result<TokenStream> {
    method::check(signature)?;
    method::check_receiver(signature)?;
    method::check_no_parameters(signature, what)?;
    let (module, outcome) = (local("module"), outcome(signature, &TokenStream::new()));
    Ok(quote!(|#module: &mut Self| #outcome))
}

/// Whether it is a message where it lies: `LaserScanView<'_>`, or of types of fixed size `&TwistLayout`.
fn is_view(ty: &Type) -> bool {
    let ends =
        |ty: &Type, end: &str| types::last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with(end));
    ends(ty, "View") || types::shared(ty).is_some_and(|ty| ends(ty, "Layout") || ends(ty, "View"))
}
