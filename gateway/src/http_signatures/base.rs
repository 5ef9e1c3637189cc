use super::{component::Component, limits::SIGNATURE_BASE_BYTES_MAX, request::Request};

/// Why a request has no signature base for these components.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseFault {
    #[error("the signature covers {component}, which the request does not have")]
    Absent { component: Component },
    #[error("{component} has a character other than visible ASCII, space and tab")]
    Character { component: Component },
    #[error("what is signed is longer than {SIGNATURE_BASE_BYTES_MAX} bytes")]
    TooLong,
}

/// What is signed (RFC 9421, section 2.5): a line for each component, and last the list of them with the
/// signature's parameters, serialized as in `Signature-Input`.
pub(super) fn signature_base(
    request: &Request<'_>,
    components: &[Component],
    signature_params: &str,
) -> Result<String, BaseFault> {
    let mut base = String::new();
    for component in components {
        let value = request.value(component, SIGNATURE_BASE_BYTES_MAX)?;
        add(&mut base, component.as_str(), &value)?;
        base.push('\n');
    }
    add(&mut base, "@signature-params", signature_params)?;
    Ok(base)
}

fn add(base: &mut String, name: &str, value: &str) -> Result<(), BaseFault> {
    if base.len() + name.len() + value.len() + "\"\": \n".len() > SIGNATURE_BASE_BYTES_MAX {
        return Err(BaseFault::TooLong);
    }
    for part in ["\"", name, "\": ", value] {
        base.push_str(part);
    }
    Ok(())
}
