//! The implementation of `lcm::Message`.

use lcm::schema::{Dimension, Fingerprint, Primitive, Struct};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::names::{TypeNames, ident, local};
use super::shape::{Element, Shape, is_shown_in_views};
use super::{Scope, layout, native};

/// Of a type whose view is a reference to its layout.
pub(super) fn fixed(name: &str, fingerprint: Fingerprint) -> TokenStream {
    let TypeNames { owned, layout, .. } = TypeNames::of(name);
    let constants = constants(name, fingerprint);
    quote! {
        impl ::lcm::Message for #owned {
            #constants
            type View<'a> = &'a #layout;

            #[inline]
            fn from_view(view: &#layout) -> ::core::result::Result<Self, ::lcm::codec::DecodeError> {
                Ok(::core::convert::From::from(view))
            }

            #[inline]
            fn read<'a>(
                reader: &mut ::lcm::codec::Reader<'a>,
            ) -> ::core::result::Result<&'a #layout, ::lcm::codec::DecodeError> {
                reader.fixed("")
            }

            #[inline]
            fn measure(
                &self,
                measure: &mut ::lcm::codec::Measure,
            ) -> ::core::result::Result<(), ::lcm::codec::EncodeError> {
                measure.add(::core::mem::size_of::<#layout>());
                Ok(())
            }

            #[inline]
            fn write<'a>(&'a self, sink: &mut impl ::lcm::codec::Sink<'a>) {
                sink.fixed(&<#layout as ::core::convert::From<_>>::from(self));
            }
        }
    }
}

/// Of a struct of variable size.
pub(super) fn of_variable_size(
    scope: &Scope<'_>,
    structure: &Struct,
    members: &[Shape<'_>],
    fingerprint: Fingerprint,
) -> TokenStream {
    let TypeNames { owned, view, .. } = TypeNames::of(&structure.name);
    let constants = constants(&structure.name, fingerprint);
    let from_view = from_view(scope, structure, members);
    let read = read(scope, structure, members, &view);
    let read_owned = members.iter().any(is_walked).then(|| {
        let body = read_owned(scope, structure, members);
        quote! {
            fn read_owned(
                reader: &mut ::lcm::codec::Reader<'_>,
            ) -> ::core::result::Result<Self, ::lcm::codec::DecodeError> {
                #body
            }
        }
    });
    let measure = measure(scope, structure, members);
    let write = write(scope, structure, members);
    quote! {
        impl ::lcm::Message for #owned {
            #constants
            type View<'a> = #view<'a>;

            #[inline]
            fn from_view(view: #view<'_>) -> ::core::result::Result<Self, ::lcm::codec::DecodeError> {
                #from_view
            }

            #[inline]
            fn read<'a>(
                reader: &mut ::lcm::codec::Reader<'a>,
            ) -> ::core::result::Result<#view<'a>, ::lcm::codec::DecodeError> {
                #read
            }

            #read_owned

            fn measure(
                &self,
                measure: &mut ::lcm::codec::Measure,
            ) -> ::core::result::Result<(), ::lcm::codec::EncodeError> {
                #measure
                Ok(())
            }

            fn write<'a>(&'a self, sink: &mut impl ::lcm::codec::Sink<'a>) {
                #write
            }
        }
    }
}

fn constants(name: &str, fingerprint: Fingerprint) -> TokenStream {
    let hash: TokenStream = format!("{:#018x}", fingerprint.0).parse().unwrap_or_default();
    quote! {
        const NAME: &'static str = #name;
        const FINGERPRINT: ::lcm::schema::Fingerprint = ::lcm::schema::Fingerprint(#hash);
    }
}

fn read(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>], view: &proc_macro2::Ident) -> TokenStream {
    let statements = read_in_order(members, |shape| read_member(scope, shape));
    let sizes = sizes(members);
    let fields = members.iter().filter(|shape| is_shown_in_views(structure, shape.name())).map(|shape| {
        let (name, local) = (ident(shape.name()), local(shape.name()));
        if sizes.contains(&shape.name()) {
            let integer = size_type(shape);
            return quote!(#name: #local as #integer);
        }
        quote!(#name: #local)
    });
    quote! {
        #statements
        Ok(#view { #(#fields,)* })
    }
}

/// Each member becomes a local variable, because arrays need the sizes before them.
fn read_in_order(members: &[Shape<'_>], read: impl Fn(&Shape<'_>) -> TokenStream) -> TokenStream {
    let sizes = sizes(members);
    let statements = members.iter().map(|shape| {
        let name = shape.name();
        let local = local(name);
        if sizes.contains(&name) {
            let integer = size_type(shape);
            return quote!(let #local = reader.size::<#integer>(#name)?;);
        }
        let value = read(shape);
        quote!(let #local = #value;)
    });
    quote!(#(#statements)*)
}

fn read_member(scope: &Scope<'_>, shape: &Shape<'_>) -> TokenStream {
    let name = shape.name();
    if !shape.rows.is_empty() {
        return read_array(scope, shape, false);
    }
    match shape.element {
        Element::Text => quote!(reader.text(#name)?),
        Element::Variable(element) if scope.shapes.is_recursive(element) => {
            let owned = scope.path(element).owned;
            quote!(reader.nested::<#owned>(#name)?)
        }
        Element::Variable(element) => {
            let owned = scope.path(element).owned;
            quote!(<#owned as ::lcm::Message>::read(reader).map_err(|error| error.within(#name))?)
        }
        Element::Number(number) if shape.cells.is_empty() => {
            let native = native(number);
            quote!(reader.number::<#native>(#name)?)
        }
        Element::Boolean if shape.cells.is_empty() => quote!(reader.fixed::<::lcm::codec::Bool>(#name)?.get()),
        Element::Int8 | Element::Byte if shape.cells.is_empty() => {
            let wire = scope.wire_element(shape.element);
            quote!(*reader.fixed::<#wire>(#name)?)
        }
        _ => {
            let cell = scope.wire_cell(shape);
            quote!(reader.fixed::<#cell>(#name)?)
        }
    }
}

/// An array that is not of fixed size: a view of it, or the owned vector of all its elements.
fn read_array(scope: &Scope<'_>, shape: &Shape<'_>, is_owned: bool) -> TokenStream {
    let name = shape.name();
    let (count, elements) = match &shape.rows[..] {
        [size] => (None, size_value(size)),
        sizes => {
            let sizes = sizes.iter().map(|size| size_value(size));
            (Some(quote!(let count = reader.count(&[#(#sizes),*], #name)?;)), quote!(count))
        }
    };
    let array = match shape.element {
        Element::Text if is_owned => quote!(reader.owned_texts(#elements, #name)?),
        Element::Text => quote!(reader.texts(#elements, #name)?),
        Element::Variable(element) => {
            let owned = scope.path(element).owned;
            let views = if is_owned { quote!(owned_messages) } else { quote!(views) };
            quote!(reader.#views::<#owned>(#elements, #name)?)
        }
        _ => {
            let cell = scope.wire_cell(shape);
            quote!(reader.slice::<#cell>(#elements, #name)?)
        }
    };
    if count.is_some() { quote!({ #count #array }) } else { array }
}

fn from_view(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> TokenStream {
    let fields = members.iter().filter(|shape| !structure.is_implied(shape.name())).map(|shape| {
        let name = ident(shape.name());
        let value = copy_out(scope, shape, From::View);
        quote!(#name: #value)
    });
    quote!(Ok(Self { #(#fields,)* }))
}

/// Decoding in one pass: a view of such an array walks it once to find its end, and copying it out walks it again.
fn read_owned(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> TokenStream {
    let statements = read_in_order(members, |shape| {
        if is_walked(shape) { read_array(scope, shape, true) } else { read_member(scope, shape) }
    });
    let sizes = sizes(members);
    let fields = members.iter().filter(|shape| !structure.is_implied(shape.name())).map(|shape| {
        let (name, local) = (ident(shape.name()), local(shape.name()));
        if sizes.contains(&shape.name()) {
            let integer = size_type(shape);
            return quote!(#name: #local as #integer);
        }
        let value = copy_out(scope, shape, From::Locals);
        quote!(#name: #value)
    });
    quote! {
        #statements
        Ok(Self { #(#fields,)* })
    }
}

/// Whether its end is found only by walking over its elements.
fn is_walked(shape: &Shape<'_>) -> bool {
    !shape.rows.is_empty() && matches!(shape.element, Element::Text | Element::Variable(_))
}

/// Where what is copied out stands.
#[derive(Clone, Copy, PartialEq)]
enum From {
    View,
    /// Local variables: sizes as `usize`, walked arrays as vectors.
    Locals,
}

impl From {
    fn place(self, name: &str) -> TokenStream {
        let (ident, local) = (ident(name), local(name));
        if self == Self::View { quote!(view.#ident) } else { quote!(#local) }
    }

    fn size(self, dimension: &Dimension) -> TokenStream {
        match dimension {
            Dimension::Variable { member } if self == Self::View => {
                let size = ident(member);
                quote!(view.#size as usize)
            }
            dimension => size_value(dimension),
        }
    }
}

fn copy_out(scope: &Scope<'_>, shape: &Shape<'_>, from: From) -> TokenStream {
    let name = shape.name();
    let place = from.place(name);
    if let [outer @ .., inner] = &shape.rows[..] {
        let flat = match from {
            From::Locals if is_walked(shape) => place,
            _ => flat_copy(scope, shape, &place),
        };
        if outer.is_empty() {
            return flat;
        }
        // The elements lie one after another: each row takes its part of them.
        let inner = from.size(inner);
        let row = quote!(cells.by_ref().take(#inner).collect());
        let rows = outer.iter().rev().fold(row, |row, size| {
            let size = from.size(size);
            quote!((0..#size).map(|_| #row).collect())
        });
        let cell = super::in_arrays(scope.owned_element(shape.element), &shape.cells);
        return quote!({
            let cells: ::std::vec::Vec<#cell> = #flat;
            let mut cells = cells.into_iter();
            #rows
        });
    }
    match shape.element {
        Element::Text => quote!(#place.into_owned(#name)?),
        Element::Variable(element) => {
            let owned = scope.path(element).owned;
            quote!(<#owned as ::lcm::Message>::from_view(#place).map_err(|error| error.within(#name))?)
        }
        Element::Number(_) | Element::Boolean | Element::Int8 | Element::Byte if shape.cells.is_empty() => {
            quote!(#place)
        }
        Element::Fixed(element) if shape.cells.is_empty() => {
            let owned = scope.path(element).owned;
            quote!(<#owned as ::core::convert::From<_>>::from(#place))
        }
        Element::Int8 | Element::Byte => quote!(*#place),
        _ => layout::cell_to_owned(scope, shape, &place),
    }
}

/// A vector of all elements.
fn flat_copy(scope: &Scope<'_>, shape: &Shape<'_>, value: &TokenStream) -> TokenStream {
    let name = shape.name();
    match shape.element {
        Element::Text | Element::Variable(_) => quote!(#value.copy_out(#name)?),
        Element::Int8 | Element::Byte => quote!(#value.to_vec()),
        Element::Number(number) if shape.cells.is_empty() => {
            let native = native(number);
            quote!(::lcm::codec::to_native::<#native>(#value))
        }
        Element::Fixed(element) if shape.cells.is_empty() => {
            let owned = scope.path(element).owned;
            quote!(#value.iter().map(<#owned as ::core::convert::From<_>>::from).collect())
        }
        _ => {
            let cell = layout::cell_to_owned(scope, shape, &quote!(cell));
            quote!(#value.iter().map(|cell| #cell).collect())
        }
    }
}

fn measure(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> TokenStream {
    let sizes = sizes(members);
    let mut fixed_bytes = 0;
    let mut statements = Vec::new();
    for shape in members {
        let name = shape.name();
        let member = ident(name);
        if structure.is_implied(name) {
            let array = array_of(members, name);
            let integer = size_type(shape);
            statements.push(quote!(measure.size::<#integer>(self.#array.len(), #name)?;));
        } else if shape.rows.is_empty() {
            match (shape.cell_bytes, shape.element) {
                (Some(bytes), _) => fixed_bytes += bytes,
                (None, Element::Text) => statements.push(quote!(measure.text(&self.#member, #name)?;)),
                (None, Element::Variable(element)) if scope.shapes.is_recursive(element) => {
                    statements.push(quote!(measure.nested(&self.#member, #name)?;));
                }
                (None, _) => statements.push(quote! {
                    ::lcm::Message::measure(&self.#member, measure).map_err(|error| error.within(#name))?;
                }),
            }
            if sizes.contains(&name) {
                let size = local(name);
                statements.push(quote!(let #size = measure.given_size(self.#member, #name)?;));
            }
        } else {
            statements.push(measure_rows(structure, members, shape));
        }
    }
    let fixed_bytes = Literal::u64_unsuffixed(fixed_bytes);
    quote! {
        measure.add(#fixed_bytes);
        #(#statements)*
    }
}

/// Every level of rows has the length that the IDL says, and then its elements are added.
fn measure_rows(structure: &Struct, members: &[Shape<'_>], shape: &Shape<'_>) -> TokenStream {
    let name = shape.name();
    let member = ident(name);
    let size = |size: &Dimension| match size {
        Dimension::Fixed { size, .. } => {
            let size = Literal::u32_unsuffixed(*size);
            quote!(#size)
        }
        Dimension::Variable { member } if structure.is_implied(member) => {
            let array = array_of(members, member);
            quote!(self.#array.len())
        }
        Dimension::Variable { member } => {
            let size = local(member);
            quote!(#size)
        }
    };
    let elements = |rows: &TokenStream, place: &TokenStream| match (shape.element, shape.cell_bytes) {
        (Element::Text, _) => quote!(measure.texts(#place, #name)?;),
        (Element::Variable(_), _) => quote!(measure.messages(#place, #name)?;),
        (_, Some(0)) => quote!(measure.empty_elements(#rows.len(), #name);),
        (_, Some(1)) => quote!(measure.add(#rows.len());),
        (_, bytes) => {
            let bytes = Literal::u64_unsuffixed(bytes.unwrap_or_default());
            quote!(measure.add(#bytes * #rows.len());)
        }
    };
    let agree = |rows: &TokenStream, dimension: &Dimension| {
        let expected = size(dimension);
        let text = match dimension {
            Dimension::Fixed { text, .. } => text,
            Dimension::Variable { member } => member,
        };
        quote!(measure.agree(#rows.len(), #expected, #text, #name)?;)
    };
    let outermost = quote!(self.#member);
    // The array that a size is taken from agrees with itself.
    let first = match shape.rows[0] {
        Dimension::Variable { member: size } if array_of(members, size) == member => quote!(),
        dimension => agree(&outermost, dimension),
    };
    let rest = match &shape.rows[1..] {
        [] => elements(&outermost, &quote!(&self.#member)),
        inner => {
            let row = quote!(row);
            let body = inner.iter().enumerate().rev().fold(quote!(), |body, (depth, dimension)| {
                let check = agree(&row, dimension);
                let body =
                    if depth + 1 == inner.len() { elements(&row, &row) } else { quote!(for row in row { #body }) };
                quote!(#check #body)
            });
            let sizes = shape.rows.iter().map(|dimension| size(dimension));
            quote! {
                measure.rows(&[#(#sizes),*], #name);
                for row in &self.#member { #body }
            }
        }
    };
    quote!(#first #rest)
}

fn write(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> TokenStream {
    let statements = members.iter().map(|shape| {
        let name = shape.name();
        let member = ident(name);
        if structure.is_implied(name) {
            let array = array_of(members, name);
            let integer = size_type(shape);
            return quote!(sink.size::<#integer>(self.#array.len()););
        }
        if shape.rows.is_empty() {
            return write_cell(scope, shape, &member);
        }
        let rows = shape.rows.len() - 1;
        let place = if rows == 0 { quote!(self.#member) } else { quote!(row) };
        let last = write_list(scope, shape, &place);
        if rows == 0 {
            return last;
        }
        let body = (1..rows).fold(last, |body, _| quote!(for row in row { #body }));
        quote!(for row in &self.#member { #body })
    });
    quote!(#(#statements)*)
}

/// A member that is no vector.
fn write_cell(scope: &Scope<'_>, shape: &Shape<'_>, member: &proc_macro2::Ident) -> TokenStream {
    if !shape.cells.is_empty() {
        // All but the innermost arrays are taken as one.
        let flattened = (1..shape.cells.len()).map(|_| quote!(.as_flattened()));
        return write_elements(scope, shape, &quote!(self.#member #(#flattened)*));
    }
    match shape.element {
        Element::Number(_) => quote!(sink.number(self.#member);),
        Element::Int8 | Element::Byte => quote!(sink.fixed(&self.#member);),
        Element::Boolean => quote!(sink.boolean(self.#member);),
        Element::Text => quote!(sink.text(&self.#member);),
        Element::Fixed(name) => {
            let layout = scope.path(name).layout;
            quote!(sink.fixed(&<#layout as ::core::convert::From<_>>::from(&self.#member));)
        }
        Element::Variable(_) => quote!(::lcm::Message::write(&self.#member, sink);),
    }
}

/// A vector.
fn write_list(scope: &Scope<'_>, shape: &Shape<'_>, place: &TokenStream) -> TokenStream {
    match shape.element {
        Element::Text => quote!(sink.texts(&#place);),
        Element::Variable(_) => quote!(sink.messages(&#place);),
        _ => {
            let flattened = shape.cells.iter().map(|_| quote!(.as_flattened()));
            write_elements(scope, shape, &quote!(#place #(#flattened)*))
        }
    }
}

/// Elements of fixed size, one after another.
fn write_elements(scope: &Scope<'_>, shape: &Shape<'_>, elements: &TokenStream) -> TokenStream {
    match shape.element {
        Element::Number(_) => quote!(sink.numbers(&#elements);),
        Element::Byte => quote!(sink.lend(&#elements);),
        Element::Int8 => quote!(sink.lend(::lcm::codec::zerocopy::IntoBytes::as_bytes(&#elements[..]));),
        Element::Boolean => quote!(sink.booleans(&#elements);),
        Element::Fixed(name) => {
            let layout = scope.path(name).layout;
            quote!(for element in #elements.iter() { sink.fixed(&<#layout as ::core::convert::From<_>>::from(element)); })
        }
        Element::Text | Element::Variable(_) => unreachable!("elements of variable size have no inner arrays"),
    }
}

/// The members that are the size of an array.
fn sizes<'a>(members: &[Shape<'a>]) -> Vec<&'a str> {
    let dimensions = members.iter().flat_map(|shape| &shape.member.dimensions);
    dimensions
        .filter_map(|dimension| match dimension {
            Dimension::Variable { member } => Some(&**member),
            Dimension::Fixed { .. } => None,
        })
        .collect()
}

fn size_type(shape: &Shape<'_>) -> TokenStream {
    match shape.element {
        Element::Number(number) => native(number),
        Element::Byte => native(Primitive::Byte),
        _ => native(Primitive::Int8),
    }
}

/// The first array that has this size, from which it is taken.
fn array_of(members: &[Shape<'_>], size: &str) -> proc_macro2::Ident {
    let is_size = |dimension: &&Dimension| matches!(dimension, Dimension::Variable { member } if member == size);
    let array = members.iter().find(|shape| shape.member.dimensions.first().as_ref().is_some_and(is_size));
    ident(array.map_or(size, Shape::name))
}

/// A size while reading.
fn size_value(dimension: &Dimension) -> TokenStream {
    match dimension {
        Dimension::Fixed { size, .. } => {
            let size = Literal::u32_unsuffixed(*size);
            quote!(#size)
        }
        Dimension::Variable { member } => {
            let size = local(member);
            quote!(#size)
        }
    }
}
