//! Methods that are called over the bus: what each parameter is, and the closure that the runtime calls.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, FnArg, Ident, PatType, Result, ReturnType, Signature, Type};

use crate::arguments::{self, Argument, Direction};
use crate::attributes::{self, ours_at};
use crate::handler::{local, outcome, placed, returned};
use crate::method::{self, Returned};
use crate::rpc_options::RpcOptions;
use crate::types;

/// A method, read from its signature.
pub(crate) struct Rpc<'a> {
    options: &'a RpcOptions,
    doc: &'a str,
    arguments: Vec<Argument>,
    /// What stands between the parentheses of the call, in order.
    passed: Vec<TokenStream>,
    takes_call: bool,
    shared: Vec<Ident>,
    answer: Answer,
}

/// How a call is answered.
enum Answer {
    /// By what the method returns.
    Returned,
    /// In pieces, through a parameter of this type.
    Chunks(Type),
    /// Later, through a parameter of this type.
    Reply(Type),
}

impl<'a> Rpc<'a> {
    /// Reads the signature, and takes our attributes away from its parameters, also when there is an error.
    pub(crate) fn take(signature: &mut Signature, options: &'a RpcOptions, doc: &'a str) -> Result<Self> {
        let checked = method::check(signature).and_then(|()| check_receiver(signature, options));
        let mut read = Self {
            options,
            doc,
            arguments: Vec::new(),
            passed: Vec::new(),
            takes_call: false,
            shared: Vec::new(),
            answer: Answer::Returned,
        };
        let mut error: Option<Error> = None;
        for parameter in &mut signature.inputs {
            if let FnArg::Typed(parameter) = parameter
                && let Err(new) = read.parameter(parameter)
            {
                match &mut error {
                    Some(error) => error.combine(new),
                    None => error = Some(new),
                }
            }
        }
        checked?;
        if let Some(error) = error {
            return Err(error);
        }
        read.check_answer(signature)?;
        Ok(read)
    }

    /// Registers it.
    pub(crate) fn registration(&self, signature: &Signature) -> TokenStream {
        let name = &signature.ident;
        let type_name = arguments::type_name(0);
        let is_binary = self.options.binary.is_some();
        let definition = arguments::definition(&type_name, &self.arguments, Direction::Served, is_binary);
        let spec = arguments::spec(&self.options.name.value(), self.doc, self.options.is_skill, &self.arguments);
        let (module, passed) = (local("module"), &self.passed);
        let call = if self.takes_call { local("call") } else { local("_call") };
        let fields = self.arguments.iter().map(|argument| &argument.name);
        let received = quote!(#call: &::dimos::Call, #type_name { #(#fields),* }: #type_name);

        // Types that cannot travel are told where the result is written.
        let at = returned(signature);
        let answered = |call: TokenStream| match Returned::of(signature) {
            Returned::Value => quote_spanned!(at=> ::core::result::Result::Ok(#call)),
            Returned::Result => quote_spanned! {at=>
                ::core::result::Result::map_err(#call, |error| ::dimos::module::failed(&error))
            },
        };
        let result = quote!(::core::result::Result<_, ::dimos::rpc::RpcError>);
        let registration = match &self.answer {
            Answer::Returned if self.options.concurrent.is_some() => {
                let shared = self.shared.iter().map(|field| {
                    let at = ours_at(field);
                    let of = placed("module", at);
                    quote_spanned!(at=> let #field = ::std::sync::Arc::clone(&#of.#field);)
                });
                let shared: Vec<_> = shared.collect();
                let module = if shared.is_empty() { quote!(_) } else { quote!(#module) };
                let answered = answered(quote!(Self::#name(#(#passed),*)));
                let concurrent = quote_spanned!(at=> concurrent);
                quote! {
                    table.#concurrent(#spec, |#module: &Self| {
                        #(#shared)*
                        move |#received| -> #result { #answered }
                    });
                }
            }
            Answer::Returned => {
                let rpc = if is_binary { quote_spanned!(at=> rpc_binary) } else { quote_spanned!(at=> rpc) };
                let answered = answered(quote!(#module.#name(#(#passed),*)));
                quote!(table.#rpc(#spec, |#module: &mut Self, #received| -> #result { #answered });)
            }
            Answer::Chunks(ty) => {
                let (chunks, stream) = (local("chunks"), quote_spanned!(ours_at(ty)=> stream));
                let outcome = outcome(signature, &quote!(#(#passed),*));
                quote!(table.#stream(#spec, |#module: &mut Self, #received, #chunks: #ty| #outcome);)
            }
            Answer::Reply(ty) => {
                let (reply, deferred) = (local("reply"), quote_spanned!(ours_at(ty)=> deferred));
                let outcome = outcome(signature, &quote!(#(#passed),*));
                quote!(table.#deferred(#spec, |#module: &mut Self, #received, #reply: #ty| #outcome);)
            }
        };
        quote!({ #definition #registration })
    }

    fn parameter(&mut self, parameter: &mut PatType) -> Result<()> {
        let shared = attributes::take(&mut parameter.attrs, &["shared"]);
        if let Some(attribute) = shared.first() {
            attributes::take(&mut parameter.attrs, &["doc"]);
            attributes::bare(attribute)?;
            return self.shared(parameter);
        }
        let ty = &*parameter.ty;
        if types::is_reference_to(ty, "Call") {
            self.takes_call = true;
            self.passed.push(local("call").into_token_stream());
        } else if types::is_named(ty, "Chunks") || types::is_named(ty, "Reply") {
            if !matches!(self.answer, Answer::Returned) {
                let message = "a call is answered in one way: by one `Chunks`, or by one `Reply`";
                return Err(Error::new_spanned(ty, message));
            }
            let is_stream = types::is_named(ty, "Chunks");
            self.answer = if is_stream { Answer::Chunks(ty.clone()) } else { Answer::Reply(ty.clone()) };
            self.passed.push(local(if is_stream { "chunks" } else { "reply" }).into_token_stream());
        } else {
            let argument = Argument::take(parameter)?;
            self.passed.push(argument.name.to_token_stream());
            self.arguments.push(argument);
        }
        attributes::take(&mut parameter.attrs, &["doc"]);
        Ok(())
    }

    /// A parameter that is borrowed from one of the module's fields.
    fn shared(&mut self, parameter: &PatType) -> Result<()> {
        let Type::Reference(reference) = types::plain(&parameter.ty) else {
            let message =
                "what is shared is borrowed: `#[shared] progress: &Progress`, from a field `progress: Arc<Progress>`";
            return Err(Error::new_spanned(&parameter.ty, message));
        };
        if self.options.concurrent.is_none() || reference.mutability.is_some() {
            let message = if reference.mutability.is_some() {
                "it is shared with the module's thread: borrow it with `&`; what changes goes in a lock or an atomic"
            } else {
                "`#[shared]` is for methods that are `concurrent`; others have `self`"
            };
            return Err(Error::new_spanned(parameter, message));
        }
        let name = arguments::name(parameter)?;
        self.passed.push(quote!(&#name));
        self.shared.push(name);
        Ok(())
    }

    /// Refuses combinations of options and answers that there are not.
    fn check_answer(&self, signature: &Signature) -> Result<()> {
        let RpcOptions { binary, concurrent, .. } = self.options;
        if let (Some(_), Some(at)) = (binary, concurrent) {
            return Err(Error::new(*at, "a method is either `binary` or `concurrent`"));
        }
        if let Answer::Chunks(ty) | Answer::Reply(ty) = &self.answer {
            let option = binary.map(|at| (at, "binary")).or(concurrent.map(|at| (at, "concurrent")));
            if let Some((at, option)) = option {
                let message = format!("a method that answers through `Chunks` or `Reply` is not `{option}`");
                return Err(Error::new(at, message));
            }
            if types::first_argument(ty).is_none() {
                return Err(Error::new_spanned(ty, "say of what: `Chunks<u64>`, `Reply<f64>`"));
            }
        }
        let ReturnType::Type(_, returned) = &signature.output else { return Ok(()) };
        match types::plain(returned) {
            Type::Reference(_) => {
                let message = "a result goes over the wire while the module lives on: return it by value";
                Err(Error::new_spanned(returned, message))
            }
            _ if types::mentions(returned, "impl") => {
                Err(Error::new_spanned(returned, "both sides have to know the type of a result: name one"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses `self` beside the module's thread, and its absence on it.
fn check_receiver(signature: &Signature, options: &RpcOptions) -> Result<()> {
    match (options.concurrent, signature.receiver()) {
        (Some(_), None) => Ok(()),
        (Some(_), Some(receiver)) => {
            let message = "a concurrent method runs beside the module's thread, which has the module: take \
                           `#[shared] progress: &Progress` from a field `progress: Arc<Progress>` in place of `self`";
            Err(Error::new_spanned(receiver, message))
        }
        (None, _) => method::check_receiver(signature),
    }
}
