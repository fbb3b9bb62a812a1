// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI

/// Short names for the messages of `runtime.v1` that the service works with.
package enum CRI {
    package typealias PodConfig = Runtime_V1_PodSandboxConfig
    package typealias ContainerConfig = Runtime_V1_ContainerConfig
    package typealias PodSecurity = Runtime_V1_LinuxSandboxSecurityContext
    package typealias ContainerSecurity = Runtime_V1_LinuxContainerSecurityContext
    package typealias Resources = Runtime_V1_LinuxContainerResources
    package typealias NamespaceOption = Runtime_V1_NamespaceOption
    package typealias NamespaceMode = Runtime_V1_NamespaceMode
    package typealias SELinuxOption = Runtime_V1_SELinuxOption
    package typealias SecurityProfile = Runtime_V1_SecurityProfile
    package typealias Mount = Runtime_V1_Mount
    package typealias Device = Runtime_V1_Device
    package typealias Signal = Runtime_V1_Signal
    package typealias PortMapping = Runtime_V1_PortMapping
    package typealias DNSConfig = Runtime_V1_DNSConfig
    package typealias AuthConfig = Runtime_V1_AuthConfig
    package typealias PodMetadata = Runtime_V1_PodSandboxMetadata
}

extension CRI.PodSecurity {
    /// How containers of the pod see each other's processes. The interface's zero value means "shared"; a request that
    /// says nothing at all of namespaces gets what kubelet asks for by default.
    var pidMode: CRI.NamespaceMode { hasNamespaceOptions ? namespaceOptions.pid : .container }
}

extension CRI.ContainerSecurity {
    /// The same for one container.
    var pidMode: CRI.NamespaceMode { hasNamespaceOptions ? namespaceOptions.pid : .container }
}
