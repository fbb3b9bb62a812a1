// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import GRPCCore

/// What is not built answers so, and says so.
private func unimplemented(_ method: String) -> RPCError {
    RPCError(code: .unimplemented, message: "\(method) is not supported by skiff \(Engine.version)")
}

extension RuntimeService {
    package func updateContainerResources(
        request: Runtime_V1_UpdateContainerResourcesRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdateContainerResourcesResponse { throw unimplemented("UpdateContainerResources") }

    package func exec(
        request: Runtime_V1_ExecRequest, context: ServerContext
    ) async throws -> Runtime_V1_ExecResponse { throw unimplemented("Exec") }

    package func attach(
        request: Runtime_V1_AttachRequest, context: ServerContext
    ) async throws -> Runtime_V1_AttachResponse { throw unimplemented("Attach") }

    package func portForward(
        request: Runtime_V1_PortForwardRequest, context: ServerContext
    ) async throws -> Runtime_V1_PortForwardResponse { throw unimplemented("PortForward") }

    package func containerStats(
        request: Runtime_V1_ContainerStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ContainerStatsResponse { throw unimplemented("ContainerStats") }

    package func listContainerStats(
        request: Runtime_V1_ListContainerStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListContainerStatsResponse { throw unimplemented("ListContainerStats") }

    package func podSandboxStats(
        request: Runtime_V1_PodSandboxStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_PodSandboxStatsResponse { throw unimplemented("PodSandboxStats") }

    package func listPodSandboxStats(
        request: Runtime_V1_ListPodSandboxStatsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxStatsResponse { throw unimplemented("ListPodSandboxStats") }

    package func updateRuntimeConfig(
        request: Runtime_V1_UpdateRuntimeConfigRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdateRuntimeConfigResponse { throw unimplemented("UpdateRuntimeConfig") }

    package func checkpointContainer(
        request: Runtime_V1_CheckpointContainerRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointContainerResponse { throw unimplemented("CheckpointContainer") }

    package func checkpointPod(
        request: Runtime_V1_CheckpointPodRequest, context: ServerContext
    ) async throws -> Runtime_V1_CheckpointPodResponse { throw unimplemented("CheckpointPod") }

    package func restorePod(
        request: Runtime_V1_RestorePodRequest, context: ServerContext
    ) async throws -> Runtime_V1_RestorePodResponse { throw unimplemented("RestorePod") }

    package func listMetricDescriptors(
        request: Runtime_V1_ListMetricDescriptorsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListMetricDescriptorsResponse { throw unimplemented("ListMetricDescriptors") }

    package func listPodSandboxMetrics(
        request: Runtime_V1_ListPodSandboxMetricsRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListPodSandboxMetricsResponse { throw unimplemented("ListPodSandboxMetrics") }

    package func updatePodSandboxResources(
        request: Runtime_V1_UpdatePodSandboxResourcesRequest, context: ServerContext
    ) async throws -> Runtime_V1_UpdatePodSandboxResourcesResponse { throw unimplemented("UpdatePodSandboxResources") }

    package func streamPodSandboxes(
        request: Runtime_V1_StreamPodSandboxesRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxesResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("StreamPodSandboxes") }

    package func streamContainers(
        request: Runtime_V1_StreamContainersRequest, response: RPCWriter<Runtime_V1_StreamContainersResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("StreamContainers") }

    package func streamContainerStats(
        request: Runtime_V1_StreamContainerStatsRequest, response: RPCWriter<Runtime_V1_StreamContainerStatsResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("StreamContainerStats") }

    package func streamPodSandboxStats(
        request: Runtime_V1_StreamPodSandboxStatsRequest, response: RPCWriter<Runtime_V1_StreamPodSandboxStatsResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("StreamPodSandboxStats") }

    package func streamPodSandboxMetrics(
        request: Runtime_V1_StreamPodSandboxMetricsRequest,
        response: RPCWriter<Runtime_V1_StreamPodSandboxMetricsResponse>, context: ServerContext
    ) async throws { throw unimplemented("StreamPodSandboxMetrics") }

    package func getContainerEvents(
        request: Runtime_V1_GetEventsRequest, response: RPCWriter<Runtime_V1_ContainerEventResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("GetContainerEvents") }
}

extension ImageEndpoint {
    package func streamImages(
        request: Runtime_V1_StreamImagesRequest, response: RPCWriter<Runtime_V1_StreamImagesResponse>,
        context: ServerContext
    ) async throws { throw unimplemented("StreamImages") }
}
