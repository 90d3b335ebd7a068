// Policies that keep the images of an exposure out of a cluster: for Kyverno, and for Kubernetes itself.
//
// Both match a reference by digest, in whatever repository it stands: that of the image, and those of indexes that lead to it,
// since a cluster pins either. A reference by tag alone cannot be judged by its text; pin digests first. They audit unless
// `enforce`. Sources: Kyverno's ClusterPolicy (kyverno.io/v1), Kubernetes' ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1).
#pragma once
#include <string>

#include "fleet/exposure.h"

namespace careen {

std::string kyverno_policy(const Exposure& e, bool enforce);
std::string admission_policy(const Exposure& e, bool enforce);

// repository@sha256:… for every registry name of an affected image, sorted.
std::vector<std::string> affected_references(const Exposure& e);

}  // namespace careen
