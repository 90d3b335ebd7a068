"""The parts of two public interfaces that careen's policies use, as JSON schemas: ClusterPolicy of kyverno.io/v1, and
ValidatingAdmissionPolicy with its binding of admissionregistration.k8s.io/v1 (Kubernetes 1.30). A key that is not here is a
mistake: a cluster would refuse it, or take no notice of it."""


def thing(required, **properties):
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


def several(items, least=1):
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string", "minLength": 1}
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
METADATA = thing("name", name=NAME, annotations={"type": "object", "additionalProperties": {"type": "string"}})

KYVERNO = thing(
    "apiVersion kind metadata spec", apiVersion={"const": "kyverno.io/v1"}, kind={"const": "ClusterPolicy"}, metadata=METADATA,
    spec=thing(
        "rules", background={"type": "boolean"}, validationFailureAction={"enum": ["Audit", "Enforce"]},
        rules=several(thing(
            "name match validate", name=NAME,
            match=thing("any", any=several(thing("resources", resources=thing("kinds", kinds=several(TEXT))))),
            validate=thing(
                "message foreach", message=TEXT,
                foreach=several(thing("list deny", list=TEXT, deny=thing("conditions", conditions=thing("any", any=several(thing(
                    "key operator value", key=TEXT,
                    operator={"enum": ["AnyIn", "AllIn", "AnyNotIn", "AllNotIn", "Equals", "NotEquals"]}, value=several(TEXT))))))))))))

ADMISSION = thing(
    "apiVersion kind metadata spec", apiVersion={"const": "admissionregistration.k8s.io/v1"}, kind={"const": "ValidatingAdmissionPolicy"},
    metadata=METADATA,
    spec=thing(
        "matchConstraints validations", failurePolicy={"enum": ["Fail", "Ignore"]},
        matchConstraints=thing("resourceRules", resourceRules=several(thing(
            "apiGroups apiVersions operations resources", apiGroups=several({"type": "string"}), apiVersions=several(TEXT),
            operations=several({"enum": ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]}), resources=several(TEXT)))),
        variables=several(thing("name expression", name={"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, expression=TEXT)),
        validations=several(thing("expression", expression=TEXT, message=TEXT))))

BINDING = thing(
    "apiVersion kind metadata spec", apiVersion={"const": "admissionregistration.k8s.io/v1"}, kind={"const": "ValidatingAdmissionPolicyBinding"},
    metadata=METADATA,
    spec=thing("policyName validationActions", policyName=NAME, validationActions=several({"enum": ["Deny", "Warn", "Audit"]})))
